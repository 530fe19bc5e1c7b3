"""Vocabularies by path and by name, and fetching them from a server on this machine."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pokenash.errors import InputError
from pokenash.metamon import fetch_vocabulary, load_vocabulary
from pokenash.metamon import vocabularies as module
from pokenash.metamon.vocabularies import VOCABULARIES, Vocabulary, vocabulary_directory

CONTENT = json.dumps({"<blank>": 0, "surf": 1}).encode()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Requests of a test are nobody's news."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a folder that holds small.json."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "small.json").write_bytes(CONTENT)
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def small(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a vocabulary that the server has."""
    vocabulary = Vocabulary("small", 2, f"{server}/small.json", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setitem(module.VOCABULARIES, "small", vocabulary)
    return "small"


def test_a_fetched_vocabulary_is_loaded_by_name(small: str, tmp_path: Path) -> None:
    pytest.importorskip("pooch")
    path = fetch_vocabulary(small, tmp_path / "cache")
    assert path.read_bytes() == CONTENT
    tokenizer = load_vocabulary(small, tmp_path / "cache")
    assert tokenizer.tokenize("surf <blank>").tolist() == [1, 0]


def test_what_is_there_is_not_fetched_again(small: str, server: str, tmp_path: Path) -> None:
    pytest.importorskip("pooch")
    fetch_vocabulary(small, tmp_path / "cache")
    assert fetch_vocabulary(small, tmp_path / "cache", url=f"{server}/gone.json").read_bytes() == CONTENT


def test_another_file_than_the_pinned_one_is_refused(small: str, server: str, tmp_path: Path) -> None:
    pytest.importorskip("pooch")
    (tmp_path / "served" / "other.json").write_text("{}")
    with pytest.raises(InputError, match="SHA-256 is not the pinned"):
        fetch_vocabulary(small, tmp_path / "cache", url=f"{server}/other.json")
    assert not list((tmp_path / "cache").glob("*.json"))


def test_what_cannot_be_fetched_says_how_to_get_it(small: str, server: str, tmp_path: Path) -> None:
    pytest.importorskip("pooch")
    with pytest.raises(InputError, match=r"cannot fetch .*on another machine and give the file's path"):
        fetch_vocabulary(small, tmp_path / "cache", url=f"{server}/gone.json")


def test_a_vocabulary_that_was_not_fetched_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pokenash metamon fetch-vocabulary allreplays-v3"):
        load_vocabulary("allreplays-v3", tmp_path)


def test_a_damaged_file_is_not_loaded_by_name(tmp_path: Path) -> None:
    (tmp_path / VOCABULARIES["allreplays-v3"].file_name).write_bytes(CONTENT)
    with pytest.raises(InputError, match="SHA-256"):
        load_vocabulary("allreplays-v3", tmp_path)


def test_a_path_is_loaded_whatever_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(CONTENT)
    assert len(load_vocabulary(path)) == len(load_vocabulary(str(path))) == 2


def test_an_unknown_name_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    for call in (load_vocabulary, fetch_vocabulary):
        with pytest.raises(InputError, match="DefaultObservationSpace-v0, DefaultObservationSpace-v1, allreplays-v3"):
            call("allreplays-v9", tmp_path)


def test_the_directory_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("POKENASH_VOCABULARIES", str(tmp_path))
    assert vocabulary_directory() == tmp_path
    monkeypatch.delenv("POKENASH_VOCABULARIES")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert vocabulary_directory() == tmp_path / "pokenash" / "vocabularies"


def test_published_files_are_pinned_to_a_commit() -> None:
    for vocabulary in VOCABULARIES.values():
        assert any(len(part) == 40 and set(part) <= set("0123456789abcdef") for part in vocabulary.url.split("/"))
        assert len(vocabulary.sha256) == 64
