"""The tokenizer: recorded token ids, and clear words for files that are no vocabulary."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pokenash.errors import InputError
from pokenash.metamon import Tokenizer
from pokenash.metamon.vocabularies import VOCABULARIES

WORDS = {word: index for index, word in enumerate("<blank> <player> starmie tauros surf".split())}


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    path = tmp_path / "small.json"
    path.write_text(json.dumps(WORDS))
    return path


def test_every_recorded_token(
    recorded_battle: list[Any],
    parity: Path,
) -> None:
    tokenizers = {
        f"tokens_{name}": Tokenizer.from_file(parity / "vocab" / vocabulary.file_name, vocabulary.sha256)
        for name, vocabulary in VOCABULARIES.items()
    }
    checked = 0
    for side in recorded_battle:
        for record in side.records:
            for observation in record.get("obs", {}).values():
                for name in observation.keys() - {"text", "numbers"}:
                    found = tokenizers[name].tokenize(observation["text"])
                    assert found.tolist() == observation[name], (name, record["t"])
                    checked += 1
    assert checked > 0


def test_published_vocabularies_have_their_published_sizes(parity: Path) -> None:
    for vocabulary in VOCABULARIES.values():
        tokenizer = Tokenizer.from_file(parity / "vocab" / vocabulary.file_name, vocabulary.sha256)
        assert len(tokenizer) == vocabulary.num_words


def test_ids_and_the_unknown_word(vocabulary: Path) -> None:
    tokenizer = Tokenizer.from_file(vocabulary)
    tokens = tokenizer.tokenize("<player> starmie agumon  surf")
    assert tokens.tolist() == [1, 2, -1, -1, 4]
    assert tokens.dtype == np.int32
    assert (len(tokenizer), "surf" in tokenizer, "agumon" in tokenizer) == (5, True, False)


@given(st.lists(st.sampled_from([*WORDS, "agumon"]), min_size=1))
def test_every_word_has_one_id(words: list[str]) -> None:
    tokenizer = Tokenizer(WORDS)
    tokens = tokenizer.tokenize(" ".join(words))
    assert tokens.tolist() == tokenizer.tokenize_words(words).tolist() == [WORDS.get(word, -1) for word in words]


def test_the_right_hash_is_accepted_and_a_wrong_one_is_told(vocabulary: Path) -> None:
    digest = hashlib.sha256(vocabulary.read_bytes()).hexdigest()
    assert len(Tokenizer.from_file(vocabulary, digest)) == 5
    with pytest.raises(InputError, match=f"SHA-256 {digest}, expected {'0' * 64}"):
        Tokenizer.from_file(vocabulary, "0" * 64)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no JSON"),
        ('{"surf": 0', "no JSON"),
        ("\x00\x01", "no JSON"),
        ('["surf"]', "must be a JSON object"),
        ('{"surf": "0"}', "whole numbers"),
        ('{"surf": true}', "whole numbers"),
        ("{}", "without gaps"),
        ('{"surf": 0, "starmie": 2}', "without gaps"),
        ('{"surf": 0, "starmie": 0}', "without gaps"),
        ('{"hydro pump": 0}', "no spaces"),
    ],
)
def test_what_is_no_vocabulary_is_refused(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        Tokenizer.from_file(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the vocabulary .*nowhere\.json"):
        Tokenizer.from_file(tmp_path / "nowhere.json")
