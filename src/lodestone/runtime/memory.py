"""A batch that does not fit into memory is halved, and the size that fits is remembered."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from lodestone.runtime.checkpoints import load_json
from lodestone.runtime.files import write_json

T = TypeVar("T")
WORDS = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
FILE = "batch_size.json"


def is_exhausted(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or on the host: Python's, torch's or TensorFlow's.

    The libraries are asked only where they are loaded; what is not can have raised nothing.
    """
    if isinstance(error, MemoryError):
        return True
    torch, tensorflow = sys.modules.get("torch"), sys.modules.get("tensorflow")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    library: tuple[type[BaseException], ...] = (RuntimeError,)
    if tensorflow is not None:
        if isinstance(error, tensorflow.errors.ResourceExhaustedError):
            return True
        library += (tensorflow.errors.InternalError,)  # what a compiled function raises for an allocation
    return isinstance(error, library) and any(word in str(error).lower() for word in WORDS)


class BatchSize:
    """Structures per batch of a shard, in whole lineages; lives in the shard's state folder.

    A resumed shard goes on with the size that worked last.
    """

    def __init__(self, wanted: int, lineage: int, folder: Path) -> None:
        self._path, self._lineage = folder / FILE, lineage
        found = load_json(self._path, _is_size) or {}
        size = min(wanted, found.get("batch_size", wanted))
        self.now = max(lineage, size - size % lineage)

    def halve(self) -> None:
        """Go on with half the size, in whole lineages, and remember it.

        Raises:
            MemoryError: a single lineage does not fit.
        """
        if self.now <= self._lineage:
            what = "one structure" if self._lineage == 1 else f"one lineage of {self._lineage} particles"
            raise MemoryError(
                f"out of memory with {what} in a batch, so a smaller sampling.batch_size would not help; "
                "use smaller cells (sampling.atoms), fewer particles (guidance.particles.count) or a "
                "device with more memory"
            )
        half = self.now // 2
        self.now = max(self._lineage, half - half % self._lineage)
        write_json(self._path, {"batch_size": self.now})

    def attempt(self, work: Callable[[int], T], first: int | None = None) -> T:
        """`work(size)` with the largest size that fits: no larger than now, but for the `first` attempt."""
        size = first or self.now
        while True:
            try:
                return work(size)
            except Exception as error:  # only memory is dealt with here
                if not is_exhausted(error):
                    raise
            # outside of the handler, where the traceback no longer keeps the batch alive
            release()
            while self.now >= size:
                self.halve()
            size = self.now


def _is_size(value: Any) -> bool:
    """Whether a value is what `halve` writes."""
    size = value.get("batch_size") if isinstance(value, dict) else None
    return isinstance(size, int) and not isinstance(size, bool) and size > 0


def release() -> None:
    """Give back what a batch that did not fit has left behind."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
