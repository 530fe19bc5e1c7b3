"""Team sets by name: those that come with pokenash and those that metamon publishes, and how any set is loaded.

metamon's sets are the data set ``jakegrigsby/metamon-teams`` on Hugging Face's hub, one archive per set and format
(``competitive/gen1ou.tar.gz``). They were legal when they were made; what the simulator refuses today is left out,
counted and named.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pokenash.errors import InputError, TeamError
from pokenash.games.showdown.team_archives import content_sha256, file_sha256, read_archive, read_folder
from pokenash.games.showdown.team_downloads import check_sha256, fetch_archive
from pokenash.games.showdown.team_files import read_team_set, read_weights
from pokenash.games.showdown.team_set import HELD_OUT_FRACTION, TeamSet, TeamSplit, mix_team_sets, team_sha256
from pokenash.games.showdown.teams import (
    NamedText,
    OnIllegal,
    format_info,
    has_team_files,
    is_team_text,
    is_there,
    load_teams,
    shipped_team_sets,
)

__all__ = ["TEAM_SETS", "PublishedTeamSet", "load_team_set"]

REPOSITORY = "jakegrigsby/metamon-teams"
REVISION = "v4"
"""The tag that holds all five sets. A tag can be moved: the archives' SHA-256 are what counts."""

_OU = ("gen1ou", "gen2ou", "gen3ou", "gen4ou")
_TIERS = tuple(f"gen{generation}{tier}" for generation in (1, 2, 3, 4) for tier in ("ou", "uu", "nu", "ubers"))
_MIXTURE = re.compile(r"[^=,|\[\]\n]+=[0-9.eE+-]+(,[^=,|\[\]\n]+=[0-9.eE+-]+)*")


@dataclass(frozen=True)
class PublishedTeamSet:
    """A set that metamon publishes.

    Parameters
    ----------
    name : str
    description : str
    formats : tuple of str
        That it is published for.
    sha256 : mapping of str to str
        Pinned hashes of archives of `REVISION`, by format. Where there is none, the first download is trusted and
        pinned on this machine.
    """

    name: str
    description: str
    formats: tuple[str, ...]
    sha256: Mapping[str, str] = field(default_factory=dict)

    def archive(self, format: str) -> str:
        """The archive's path in the repository."""
        return f"{self.name}/{format}.tar.gz"


TEAM_SETS = {
    one.name: one
    for one in (
        PublishedTeamSet("competitive", "people's sample teams from forums, fewer than 30", (*_TIERS, "gen9ou")),
        PublishedTeamSet("paper_variety", "generated, with unusual leads, 1,000", _TIERS),
        PublishedTeamSet("paper_replays", "completed from replays for metamon's paper, 1,000", _OU),
        PublishedTeamSet("modern_replays", "completed from recent replays, 8,000 to 20,000", (*_OU, "gen9ou")),
        PublishedTeamSet(
            "modern_replays_v2", "completed from replays up to summer 2025, 13,000 to 158,000", (*_OU, "gen9ou")
        ),
    )
}
"""metamon's sets by name; descriptions and sizes are metamon's own."""


def load_team_set(
    source: Any,
    format: str,
    *,
    root: str | Path | None = None,
    revision: str | None = None,
    sha256: str | None = None,
    split: TeamSplit = "all",
    held_out_fraction: float = HELD_OUT_FRACTION,
    split_seed: int = 0,
    weights: str | Path | Sequence[float] | Mapping[str, float] | None = None,
    limit: int | None = None,
    on_illegal: OnIllegal | None = None,
    download: bool = True,
    endpoint: str | None = None,
) -> TeamSet:
    """Load a set of teams, by name, from files, or from anything else that `load_teams` reads.

    Parameters
    ----------
    source
        - a name of `TEAM_SETS` or `shipped_team_sets`, or the name of a folder in metamon's cache;
        - a mixture of sets, each with its share, such as ``"competitive=0.25,modern_replays=0.75"``;
        - a folder as metamon's (``<set>/<format>/*.<format>_team``, at any depth), a ``.tar.gz`` of one, or a set
          that was written by `write_team_set`;
        - whatever `load_teams` takes.
    format : str
    root : path-like, optional
        Where named sets are looked for, as ``<name>/<format>``, before the hub's cache. Default:
        ``$METAMON_CACHE_DIR/teams``, where metamon keeps them.
    revision : str, optional
        Of the repository; `REVISION` by default.
    sha256 : str, optional
        What the archive must have. For a folder: its content (`content_sha256`, which a loaded set's origin names).
    split, held_out_fraction, split_seed
        The part of the set, as `TeamSet.split` makes it.
    weights : path, sequence or mapping, optional
        How often teams are drawn, as `TeamSet.with_weights` takes it, or a CSV or JSON file of it (`read_weights`).
    limit : int, optional
        At most so many teams, chosen by their SHA-256: the same ones every time, and hardly others when the set grows.
        They are chosen before they are validated. Of a mixture: so many of each set.
    on_illegal : {"error", "skip"}, optional
        As of `load_teams`. Default: metamon's sets are loaded without teams that are refused, for any other set that
        is an error.
    download : bool
        Whether a published set that is not on this machine is fetched.
    endpoint : str, optional
        Address of a mirror of the hub.

    Raises
    ------
    TeamError
        If there is no such set, it has another SHA-256, or a team is refused.
    InputError
        If an argument is out of range or the set cannot be fetched.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit: expected a positive number of teams, got {limit}")
    if not re.fullmatch(r"[a-z0-9]+", format):
        # Folders and archives are named by ids, not by names such as "[Gen 1] OU".
        format = format_info(format).id
    places = _Places(root, revision, sha256, download, endpoint)
    if isinstance(source, str) and _MIXTURE.fullmatch(source.strip()) and not is_there(Path(source)):
        if weights is not None or sha256 is not None:
            raise InputError("a mixture of team sets takes no weights= and no sha256=: load the sets and mix_team_sets")
        parts = [part.split("=") for part in source.split(",")]
        loaded = [(_load(name.strip(), format, places, limit, on_illegal), _share(share)) for name, share in parts]
        return mix_team_sets(loaded).split(split, held_out_fraction, split_seed)
    teams = _load(source, format, places, limit, on_illegal)
    if weights is not None:
        teams = teams.with_weights(read_weights(weights) if isinstance(weights, str | Path) else weights)
    return teams.split(split, held_out_fraction, split_seed)


def _load(source: Any, format: str, places: _Places, limit: int | None, on_illegal: OnIllegal | None) -> TeamSet:
    """One whole set, with its origin where it has one."""
    found, origin, published = _find(source, format, places)
    from_files = isinstance(found, list) and all(isinstance(one, NamedText) for one in found)
    if limit is not None and from_files and len(found) > limit:
        found = [found[i] for i in _first_by_sha256([one.text for one in found], limit)]
        origin = {**origin, "limit": limit}
    teams = load_teams(found, format, on_illegal=on_illegal or ("skip" if published else "error"))
    if limit is not None and len(teams) > limit:
        teams, origin = teams.take(_first_by_sha256(teams.packed, limit)), {**origin, "limit": limit}
    if teams.refused and not isinstance(found, TeamSet):
        origin = {**origin, "refused": len(teams.refused)}
    return teams.described(**origin) if origin else teams


def _first_by_sha256(texts: Sequence[str], count: int) -> list[int]:
    """Indices of so many texts, in their order: of those whose hashes are the smallest."""
    return sorted(sorted(range(len(texts)), key=lambda i: team_sha256(texts[i]))[:count])


@dataclass(frozen=True)
class _Places:
    """Where named sets are looked for, and what they must be."""

    root: str | Path | None = None
    revision: str | None = None
    sha256: str | None = None
    download: bool = True
    endpoint: str | None = None

    def folder(self, name: str, format: str) -> Path | None:
        """A folder of that set on this machine, if there is one with teams of the format."""
        cache = os.environ.get("METAMON_CACHE_DIR")
        roots = [Path(self.root).expanduser()] if self.root is not None else [Path(cache) / "teams"] if cache else []
        for root in roots:
            folder = root / name
            if (folder / format).is_dir() or (folder.is_dir() and read_folder(folder, format)):
                return folder
        return None


def _find(source: Any, format: str, places: _Places) -> tuple[Any, dict[str, Any], bool]:
    """What a source names: something that `load_teams` reads, its origin, and whether metamon published it."""
    found, origin, published = _looked_up(source, format, places)
    if places.sha256 is not None and not origin.keys() & {"archive_sha256", "content_sha256"}:
        raise InputError(f"sha256 is for archives and metamon's folders; {str(source)[:80]!r} is neither")
    return found, origin, published


def _looked_up(source: Any, format: str, places: _Places) -> tuple[Any, dict[str, Any], bool]:
    path = source if isinstance(source, Path) else None
    if isinstance(source, str) and not is_team_text(source):
        name = source.strip()
        if name in TEAM_SETS:
            return (*_published(TEAM_SETS[name], format, places), True)
        if name in shipped_team_sets():
            return name, {}, False
        path = Path(name).expanduser() if name else None
        if path is None or not is_there(path):
            folder = places.folder(name, format) if re.fullmatch(r"[\w.-]+", name) else None
            if folder is None:
                raise _unknown(source)
            path = folder
    if path is None or not is_there(path):
        return source, {}, False
    return (*_from_path(path, format, places), False)


def _unknown(source: str) -> TeamError:
    return TeamError(
        f"{source[:200]!r} is no team set: neither metamon's ({', '.join(TEAM_SETS)}), nor one that comes with "
        f"pokenash ({', '.join(shipped_team_sets())}), nor one in $METAMON_CACHE_DIR, nor a mixture of sets "
        "(name=share,...), nor a file or directory, nor the text of a team"
    )


def _from_path(path: Path, format: str, places: _Places) -> tuple[Any, dict[str, Any]]:
    if path.name.endswith((".tar.gz", ".tgz")):
        digest = file_sha256(path)
        if places.sha256 is not None:
            check_sha256(digest, places.sha256, str(path))
        texts = read_archive(path, format)
        return texts, {"archive_sha256": digest, "content_sha256": content_sha256(texts)}
    if path.is_dir() and ((path / format).is_dir() or not has_team_files(path, format)):
        texts = read_folder(path, format)
        if not texts:
            return path, {}
        return texts, _checked_content(texts, places, str(path))
    written = read_team_set(path, format) if path.suffix == ".json" else None
    return (path if written is None else written), {}


def _checked_content(texts: Sequence[NamedText], places: _Places, what: str) -> dict[str, Any]:
    content = content_sha256(texts)
    if places.sha256 is not None:
        check_sha256(content, places.sha256, f"the content of {what}")
    return {"content_sha256": content}


def _published(published: PublishedTeamSet, format: str, places: _Places) -> tuple[list[NamedText], dict[str, Any]]:
    """The texts of a published set: from a folder on this machine, else from its archive."""
    if format not in published.formats:
        raise TeamError(f"metamon's {published.name} has no teams for {format}; it has {', '.join(published.formats)}")
    folder = places.folder(published.name, format) if places.revision is None else None
    if folder is not None:
        texts = read_folder(folder, format)
        return texts, {"set": published.name, **_checked_content(texts, places, str(folder))}
    if not places.download:
        raise TeamError(
            f"metamon's {published.name} for {format} is not on this machine: run `pokenash teams fetch "
            f"{published.name} {format}`, or unpack its archive to <root>/{published.name}/{format} and give the root"
        )
    revision = places.revision or REVISION
    pinned = published.sha256.get(format) if revision == REVISION else None
    archive = fetch_archive(
        REPOSITORY,
        published.archive(format),
        revision=revision,
        sha256=places.sha256 or pinned,
        endpoint=places.endpoint,
    )
    texts = read_archive(archive.path, format)
    origin = {
        "set": published.name,
        "repository": REPOSITORY,
        "revision": revision,
        "commit": archive.commit,
        "archive_sha256": archive.sha256,
        "content_sha256": content_sha256(texts),
    }
    return texts, origin


def _share(number: str) -> float:
    try:
        return float(number)
    except ValueError:
        raise InputError(f"a mixture of team sets: expected name=share,name=share, got the share {number!r}") from None
