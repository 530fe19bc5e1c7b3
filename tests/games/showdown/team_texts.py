"""Teams and files of teams that tests read."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pokenash.games.showdown.teams import default_teams

ONE = "Tauros\n- Body Slam\n- Earthquake\n\nChansey\n- Ice Beam\n- Soft-Boiled\n"
TWO = "Snorlax\n- Body Slam\n- Rest\n\nStarmie\n- Surf\n- Recover\n"
THREE = "Zapdos\n- Drill Peck\n- Thunderbolt\n"
ILLEGAL = "Mewtwo\n- Amnesia\n"


def archive(path: Path, files: Mapping[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


METAMONS = {
    "gen1ou/team_10.gen1ou_team": THREE,
    "gen1ou/team_2.gen1ou_team": ONE,
    "gen1ou/old/team_1.gen1ou_team": TWO,
    "gen1ou/index.csv": "filename\nteam_2.gen1ou_team\n",
    "gen1ou/team_3.gen2ou_team": "of another format",
}
NAMES = ("old/team_1", "team_2", "team_10")


def folder(root: Path) -> Path:
    for name, text in METAMONS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def many(count: int) -> list[str]:
    """Legal teams, all different."""
    shipped = default_teams("gen1ou")
    assert shipped is not None
    members = sorted({one for team in shipped for one in team.split("]")})
    rng = np.random.default_rng(5)
    teams: dict[str, None] = {}
    while len(teams) < count:
        chosen = [members[i] for i in rng.permutation(len(members))]
        species = list({one.split("|")[1] or one.split("|")[0]: one for one in chosen}.values())
        teams["]".join(species[:6])] = None
    return list(teams)
