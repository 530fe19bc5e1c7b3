"""The formats of earlier tools' result files, read tolerantly: the names that are understood, and their meaning."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError

__all__ = [
    "claimed_value",
    "matrix_and_kind",
    "names_of",
    "numbers_of_battles",
    "probabilities_of",
    "read_json",
    "tallies_of",
]

Matrix = NDArray[np.float64]

_WIN_RATE_KEYS = ("win_rate", "win_rates", "win_rate_matrix", "winrates")
_PAYOFF_KEYS = ("payoffs", "payoff_matrix", "payoff")
_MATRIX_KEYS = ("matrix", "interaction_matrix", "interactions", "values")
_BATTLE_KEYS = ("battles", "num_battles", "battles_per_cell", "battles_per_matchup", "num_games", "games", "n_games")
_NAME_KEYS = ("policies", "names", "population", "agents", "members", "policy_names", "agent_names")
_NAME_FIELDS = ("name", "id", "policy", "agent", "model_name", "model")
_MIXTURE_KEYS = (
    "probabilities", "meta_strategy", "mixture", "weights", "nash", "nash_equilibrium", "strategy", "distribution",
)  # fmt: skip
_CLAIM_KEYS = ("exploitability", "nash_conv", "nashconv", "restricted_nash_conv", "exploitability_gap")
_LARGEST_RATE = 1.0 + 1e-9


def read_json(path: Path) -> Any:
    """What the file holds; None if it is not there."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from error


def _square(value: Any) -> Matrix | None:
    """The value as a square matrix, null being missing; None if it is none."""
    if isinstance(value, Mapping):
        # A table by names: {row: {column: value}}.
        rows = list(value)
        if not rows or not all(isinstance(row, Mapping) for row in value.values()):
            return None
        value = [[value[row].get(column) for column in rows] for row in rows]
    try:
        matrix = np.array([[np.nan if x is None else x for x in row] for row in value], np.float64)
    except (TypeError, ValueError):
        return None
    return matrix if matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1] > 0 else None


def matrix_and_kind(data: Any, path: Path, values: str) -> tuple[Matrix, str]:
    """The matrix, and whether it holds the ``"win_rate"`` or the ``"payoff"`` of the row policy."""
    if values not in ("auto", "win_rate", "payoff"):
        raise InputError(f"values of the matrix: expected auto, win_rate or payoff, got {values!r}")
    found: list[tuple[Any, str]] = [(data, "auto")]
    if isinstance(data, Mapping):
        named = [(key, "win_rate") for key in _WIN_RATE_KEYS] + [(key, "payoff") for key in _PAYOFF_KEYS]
        named += [(key, "auto") for key in _MATRIX_KEYS]
        found = [(data[key], kind) for key, kind in named if key in data] + found
    squares = ((_square(value), kind) for value, kind in found)
    matrix, kind = next(((square, kind) for square, kind in squares if square is not None), (None, ""))
    if matrix is None:
        keys = f" (keys: {', '.join(map(str, data))})" if isinstance(data, Mapping) else ""
        raise InputError(f"{path}: expected a square matrix, as a list of rows or in an object; found none{keys}")
    kind = kind if values == "auto" else values
    if kind == "auto":
        payoff = not _complementary(matrix) and (np.nanmin(matrix, initial=1.0) < 0 or not np.diag(matrix).any())
        kind = "payoff" if payoff else "win_rate"
    least = 0.0 if kind == "win_rate" else -1.0
    if np.isfinite(matrix).sum() == 0 or np.nanmin(matrix) < least - 1e-9 or np.nanmax(matrix) > _LARGEST_RATE:
        raise InputError(
            f"{path}: expected a {kind.replace('_', ' ')} from {least:g} to 1 in every cell, "
            f"got values from {np.nanmin(matrix):g} to {np.nanmax(matrix):g}; say which with values="
        )
    return matrix, kind


def _complementary(matrix: Matrix) -> bool:
    """Whether opposite cells add up to 1, as win rates do."""
    off = np.abs(matrix + matrix.T - 1)[~np.eye(len(matrix), dtype=bool)]
    return bool(len(off) and np.nanmax(off, initial=0.0) < 0.01)


def names_of(data: Any) -> list[str] | None:
    """Names of the policies in a population or matrix file; None if there are none."""
    if isinstance(data, Mapping):
        listed = next((data[key] for key in _NAME_KEYS if isinstance(data.get(key), list | Mapping)), None)
        if listed is None:
            return None
        data = list(listed) if isinstance(listed, Mapping) else listed
    if not isinstance(data, list):
        return None
    names = [_name(item, i) for i, item in enumerate(data)]
    # The same checkpoint may stand in a population twice.
    return [name if names.count(name) == 1 else f"{name}_{i}" for i, name in enumerate(names)]


def _name(item: Any, index: int) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, Mapping):
        found = next((item[field] for field in _NAME_FIELDS if isinstance(item.get(field), str)), None)
        if found is not None:
            return str(found)
    return f"policy_{index}"


def numbers_of_battles(data: Any, num_policies: int, given: int | None, path: Path) -> NDArray[np.int64]:
    """Battles of every pair, both seats together, ``[n, n]``; what is given goes before what the file says."""
    value: Any = given
    if value is None and isinstance(data, Mapping):
        value = next((data[key] for key in _BATTLE_KEYS if key in data), None)
    if value is None:
        raise InputError(
            f"{path} has neither counts nor numbers of battles; "
            "say with battles_per_cell= how many battles every pair played"
        )
    try:
        battles = np.broadcast_to(np.nan_to_num(np.asarray(value, np.float64)), (num_policies, num_policies))
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: cannot read the numbers of battles {value!r}") from error
    off_diagonal = battles[~np.eye(num_policies, dtype=bool)]
    if (off_diagonal < 2).any() or (off_diagonal != np.round(off_diagonal)).any():
        raise InputError(f"{path}: expected whole numbers of at least 2 battles of every pair, got {value!r}")
    return np.round(battles).astype(np.int64)


def tallies_of(rates: Matrix, battles: NDArray[np.int64]) -> NDArray[np.int64]:
    """Wins, draws and losses by ordered pair, ``[n, n, 3]``, that win rates of so many battles amount to.

    Half of a pair's battles are taken to have been played in either seat. There are as few draws as the rates allow:
    at most one in a seat.
    """
    num = len(rates)
    tallies = np.zeros((num, num, 3), np.int64)
    for i in range(num):
        for j in range(i + 1, num):
            if not np.isfinite(rates[i, j]) and not np.isfinite(rates[j, i]):
                continue
            # The mean of both cells, where they disagree or one is missing.
            rate = float(np.nanmean([rates[i, j], 1 - rates[j, i]]))
            first, second = int(battles[i, j] + 1) // 2, int(battles[i, j]) // 2
            half_points = round(2 * rate * int(battles[i, j]))
            in_first = min(2 * first, round(half_points * first / (first + second)))
            # With whole wins in all, no seat needs a draw.
            if half_points % 2 == 0 and in_first % 2:
                in_first += 1 if in_first < 2 * first else -1
            tallies[i, j] = _outcomes(in_first, first)
            tallies[j, i] = _outcomes(half_points - in_first, second)[::-1]
    return tallies


def _outcomes(half_points: int, battles: int) -> tuple[int, int, int]:
    """Wins, draws and losses with as few draws as there can be."""
    half_points = min(max(half_points, 0), 2 * battles)
    wins, draws = divmod(half_points, 2)
    return wins, draws, battles - wins - draws


def probabilities_of(data: Any, names: list[str]) -> tuple[float, ...] | None:
    """The mixture in a file: a list in the policies' order, or an object by name; None if there is none."""
    if isinstance(data, Mapping):
        for key in _MIXTURE_KEYS:
            if key in data:
                found = probabilities_of(data[key], names)
                if found is not None:
                    return found
        if data and set(map(str, data)) <= set(names) and all(_is_number(value) for value in data.values()):
            return tuple(float(data.get(name, 0.0)) for name in names)
        return None
    if isinstance(data, list) and data and all(_is_number(value) for value in data):
        return tuple(float(value) for value in data)
    return None


def claimed_value(data: Any) -> float | None:
    """The exploitability that a file claims, whatever it calls it."""
    if not isinstance(data, Mapping):
        return None
    for key in _CLAIM_KEYS:
        value = data.get(key)
        if isinstance(value, Mapping):
            value = next((value[k] for k in ("value", "plug_in", "mean") if k in value), None)
        if _is_number(value):
            return float(value)
    return None


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
