"""Playing on an accelerator: whoever plays matches, with metamon's networks on a device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from pokenash.arena import Match, MatchResult
from pokenash.arena.executors import MatchExecutor
from pokenash.arena.recording import Recording
from pokenash.policies.core import Policy
from pokenash.policies.spec import PolicySpec

__all__ = ["DeviceArena", "on_device"]

# In which parameter policies of a kind name those that they are made of.
_PARTS = {"mixture": "members", "seats": "seats"}


def on_device(spec: PolicySpec, device: str) -> PolicySpec:
    """The policy with those of metamon's networks on a device that do not say their own, parts of a mixture too."""
    if spec.kind == "metamon":
        return replace(spec, parameters={"device": device, **spec.parameters})
    parts = _PARTS.get(spec.kind)
    if parts is None:
        return spec
    moved = [on_device(PolicySpec.from_json(one), device).to_json() for one in spec.parameters[parts]]
    return replace(spec, parameters={**spec.parameters, parts: moved})


class DeviceArena:
    """A `MatchExecutor` that lets another one play, with networks on a device.

    What is recorded of the policies elsewhere says nothing of the device, so that a run may go on on another.

    Parameters
    ----------
    arena : MatchExecutor
        Closed with this.
    device : str
        Such as ``"cuda"``, of the machines that play.
    """

    def __init__(self, arena: MatchExecutor, device: str) -> None:
        self.game = arena.game
        self.battles_per_second, self.decisions_per_second, self.num_errors = 0.0, 0.0, 0
        self._arena, self._device = arena, device

    def play(
        self,
        policies: Sequence[Policy | PolicySpec],
        matches: Iterable[Match],
        *,
        seed: int,
        on_result: Callable[[MatchResult], None] | None = None,
    ) -> list[MatchResult]:
        """See `MatchExecutor.play`."""
        results = self._arena.play(self._moved(policies), matches, seed=seed, on_result=on_result)
        self._take_figures()
        return results

    def stream(
        self,
        policies: Sequence[Policy | PolicySpec],
        matches: Iterable[Match],
        *,
        seed: int,
        recording: Recording | None = None,
    ) -> Iterator[MatchResult]:
        """See `MatchExecutor.stream`."""
        yield from self._arena.stream(self._moved(policies), matches, seed=seed, recording=recording)
        self._take_figures()

    def _moved(self, policies: Sequence[Policy | PolicySpec]) -> list[Policy | PolicySpec]:
        return [on_device(one, self._device) if isinstance(one, PolicySpec) else one for one in policies]

    def _take_figures(self) -> None:
        self.battles_per_second = self._arena.battles_per_second
        self.decisions_per_second = self._arena.decisions_per_second
        self.num_errors = self._arena.num_errors

    def close(self) -> None:
        """See `MatchExecutor.close`."""
        self._arena.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
