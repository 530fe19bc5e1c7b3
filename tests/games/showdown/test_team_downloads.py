from __future__ import annotations

import hashlib
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from games.showdown.team_texts import METAMONS, NAMES, TWO, archive, sha256
from pokenash.errors import InputError, TeamError
from pokenash.games.showdown import team_downloads, team_sets
from pokenash.games.showdown.team_sets import TEAM_SETS, load_team_set

COMMIT = "5e" * 20


class Hub(ThreadingHTTPServer):
    """The hub's file service, as far as a download needs it."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.commit = COMMIT
        self.requests: list[tuple[str, str, str | None]] = []
        super().__init__(("127.0.0.1", 0), _HubHandler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        self.server.requests.append((self.command, self.path, self.headers.get("Authorization")))
        data = self.server.files.get(self.path.split("/resolve/")[-1].partition("/")[2])
        if data is None:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", self.server.commit)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    data = archive(tmp_path / "served.tar.gz", METAMONS).read_bytes()
    server = Hub({"competitive/gen1ou.tar.gz": data})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_published_set_is_fetched_once_and_pinned(hub: Hub, own_cache: Path, tmp_path: Path) -> None:
    teams = load_team_set("competitive", "gen1ou", endpoint=hub.url)
    assert teams.names == NAMES
    digest = hashlib.sha256(hub.files["competitive/gen1ou.tar.gz"]).hexdigest()
    assert teams.origin == {
        "set": "competitive",
        "repository": "jakegrigsby/metamon-teams",
        "revision": "v4",
        "commit": COMMIT,
        "archive_sha256": digest,
        "content_sha256": (load_team_set(tmp_path / "served.tar.gz", "gen1ou").origin or {})["content_sha256"],
    }
    lock = json.loads((own_cache / "lock.json").read_text())
    assert lock["archives"]["jakegrigsby/metamon-teams@v4/competitive/gen1ou.tar.gz"]["sha256"] == digest
    assert {path for _, path, _ in hub.requests} == {
        "/datasets/jakegrigsby/metamon-teams/resolve/v4/competitive/gen1ou.tar.gz"
    }
    assert not any(token for _, _, token in hub.requests), "a token was sent"
    before = len(hub.requests)
    assert load_team_set("competitive", "gen1ou", endpoint=hub.url) == teams
    assert len(hub.requests) == before, "what is in the cache was asked for again"


def test_an_archive_that_has_changed_is_refused_until_the_new_hash_is_given(hub: Hub, tmp_path: Path) -> None:
    load_team_set("competitive", "gen1ou", endpoint=hub.url)
    old = hashlib.sha256(hub.files["competitive/gen1ou.tar.gz"]).hexdigest()
    new = archive(tmp_path / "new.tar.gz", {"gen1ou/other.gen1ou_team": TWO})
    cached = next((tmp_path / "hub").rglob("gen1ou.tar.gz"))
    cached.resolve().write_bytes(new.read_bytes())
    with pytest.raises(TeamError, match=f"has the SHA-256 {sha256(new)}, not the {old} that it had when it was first"):
        load_team_set("competitive", "gen1ou", endpoint=hub.url)
    with pytest.raises(TeamError, match="that it was asked for"):
        load_team_set("competitive", "gen1ou", endpoint=hub.url, sha256="0" * 64)
    # The tag has moved. Nothing changes here until the new archive is asked for.
    cached.resolve().write_bytes(hub.files["competitive/gen1ou.tar.gz"])
    hub.files["competitive/gen1ou.tar.gz"], hub.commit = new.read_bytes(), "6f" * 20
    assert load_team_set("competitive", "gen1ou", endpoint=hub.url).names == NAMES
    moved = load_team_set("competitive", "gen1ou", endpoint=hub.url, sha256=sha256(new))
    assert moved.names == ("other",)
    assert (moved.origin or {})["commit"] == "6f" * 20
    assert load_team_set("competitive", "gen1ou", endpoint=hub.url) == moved
    # At a new revision it is a first download again.
    assert load_team_set("competitive", "gen1ou", endpoint=hub.url, revision="v5").names == ("other",)


def test_a_hash_that_is_pinned_in_the_registry_holds_from_the_first_download(
    hub: Hub, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = team_sets.PublishedTeamSet("competitive", "", ("gen1ou",), {"gen1ou": "0" * 64})
    monkeypatch.setitem(TEAM_SETS, "competitive", pinned)
    with pytest.raises(TeamError, match="not the " + "0" * 64):
        load_team_set("competitive", "gen1ou", endpoint=hub.url)
    assert not (own_cache / "lock.json").exists()


def test_what_cannot_be_fetched_is_said_in_words(hub: Hub, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"paper_replays/gen1ou\.tar\.gz of .* cannot be fetched"):
        load_team_set("paper_replays", "gen1ou", endpoint=hub.url)
    with monkeypatch.context() as offline:
        offline.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        offline.setenv("HF_HUB_OFFLINE", "1")
        with pytest.raises(InputError, match="is not in the cache and HF_HUB_OFFLINE is set"):
            load_team_set("competitive", "gen1ou", endpoint=hub.url)
    own_cache.mkdir(exist_ok=True)
    (own_cache / "lock.json").write_text("{")
    with pytest.raises(InputError, match=r"lock\.json, which pins downloaded team sets, cannot be read"):
        load_team_set("competitive", "gen1ou", endpoint=hub.url)
    (own_cache / "lock.json").unlink()
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match=r"fetching published team sets needs .* pip install 'pokenash\[hub\]'"):
        load_team_set("competitive", "gen1ou", endpoint=hub.url)


def test_two_that_fetch_at_once_both_get_their_line(own_cache: Path) -> None:
    threads = [
        threading.Thread(target=team_downloads._write_down, args=(f"a@b/{i}", {"sha256": f"{i:064}", "size": 1}))
        for i in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(team_downloads.locked_archives()) == 20
