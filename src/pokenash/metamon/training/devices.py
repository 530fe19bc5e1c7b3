"""Where a training runs: in one process, or in several that ``accelerate launch`` started."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from pokenash.errors import InputError

__all__ = ["Devices", "limited_threads"]


class Devices:
    """One process, which has nobody to agree with.

    Attributes
    ----------
    device : torch.device
    index, count : int
        Which of how many processes this is.
    """

    index, count = 0, 1

    def __init__(self, device: str) -> None:
        try:
            self.device = torch.device(device)
            torch.empty(0, device=self.device)
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from error

    @staticmethod
    def of(device: str, *, accelerate: bool) -> Devices:
        """`device` alone, or those that ``accelerate launch`` gave.

        Raises
        ------
        InputError
            If the device cannot be used or accelerate is not installed.
        """
        return _Accelerated() if accelerate else Devices(device)

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files."""
        return self.index == 0

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors by their mean over the processes."""

    def follow_main(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors by those of the first process."""

    def wait(self) -> None:
        """Until all processes are here."""


class _Accelerated(Devices):
    """Processes that average their gradients."""

    def __init__(self) -> None:
        try:
            accelerate: Any = importlib.import_module("accelerate")
        except ImportError as error:
            raise InputError(
                "training on several devices needs accelerate: pip install 'pokenash[accelerate]'"
            ) from error
        self._accelerator: Any = accelerate.Accelerator()
        self._broadcast: Any = importlib.import_module("accelerate.utils").broadcast
        self.device = self._accelerator.device
        self.index, self.count = self._accelerator.process_index, self._accelerator.num_processes

    def average(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            tensor.copy_(self._accelerator.reduce(tensor, reduction="mean"))

    def follow_main(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            tensor.copy_(self._broadcast(tensor, from_process=0))

    def wait(self) -> None:
        self._accelerator.wait_for_everyone()


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Within it torch uses so many threads; afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
