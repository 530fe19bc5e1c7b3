"""``pokenash metamon``: fetches what metamon's models need, and lists the models."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from pokenash.cli.output import aligned

__all__ = ["run"]


def run(arguments: Sequence[str]) -> None:
    """Fetch or list."""
    from pokenash.metamon.registry import PUBLISHED
    from pokenash.metamon.vocabularies import VOCABULARIES, fetch_vocabulary

    parser = argparse.ArgumentParser(prog="pokenash metamon", description="metamon's vocabularies and models.")
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser(
        "fetch-vocabulary", help="download a vocabulary from metamon's repository, if it is not there already"
    )
    fetch.add_argument("name", help=f"one of {', '.join(VOCABULARIES)}")
    fetch.add_argument("--directory", type=Path, help="where to put it; by default the user's cache")
    fetch.add_argument("--url", help="a mirror's address of the file; its SHA-256 must be the pinned one")
    commands.add_parser("models", help="list the published models that can be played by name")
    chosen = parser.parse_args(arguments)
    if chosen.command == "fetch-vocabulary":
        print(fetch_vocabulary(chosen.name, chosen.directory, chosen.url))
        return
    rows = [("model", "folder", "epoch", "observation space", "action space", "vocabulary", "reward")]
    for model in PUBLISHED.values():
        interface = (model.observation_space, model.action_space, model.tokenizer, model.reward)
        rows.append((model.name, model.folder, str(model.checkpoint), *interface))
    print("\n".join(aligned(rows)))
