"""``pokenash ratings``: ratings of policies from battles that were played."""

from __future__ import annotations

from collections.abc import Sequence

from pokenash.cli.output import aligned
from pokenash.cli.settings import command_settings, save_settings
from pokenash.errors import InputError

__all__ = ["run"]

_DESCRIPTION = (
    "Bradley-Terry ratings with intervals, and Elo ratings battle by battle, of the policies in match logs, PSRO runs, "
    "tournaments and evaluations. A rating says who beats whom only as far as the game is transitive."
)


def run(arguments: Sequence[str]) -> None:
    """Rate, print the table, and write the files where they are wanted."""
    from pokenash.experiments.ratings_settings import RatingsSettings

    settings = command_settings(RatingsSettings, arguments, command="ratings", description=_DESCRIPTION)
    if settings.output is not None and (settings.output / "config.json").exists():
        # Its settings.toml would be lost, by which the run goes on.
        raise InputError(f"output: {settings.output} is the directory of a run; name one for the ratings alone")
    result = settings.run()
    rows = [("policy", "battles", "Bradley-Terry", f"{settings.level:.0%} interval", "Elo")]
    rows += [
        (
            row["policy"],
            str(row["battles"]),
            f"{row['rating']:.0f}",
            f"[{row['lower']:.0f}, {row['upper']:.0f}]",
            f"{row['elo']:.0f}",
        )
        for row in result.rows()
    ]
    print("\n".join(aligned(rows)))
    print("Elo follows the battles in the order of the logs, and depends on it; Bradley-Terry does not")
    if result.renamed:
        print(f"told apart by their source, being different policies of one name: {', '.join(result.renamed)}")
    if settings.output is not None:
        result.save(settings.output)
        save_settings(settings.output, settings)
        print(f"\nratings: {settings.output / 'ratings.json'}")
