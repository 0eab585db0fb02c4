"""A batch that does not fit into memory is halved, and the size that fits is remembered."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lodestone.runtime.checkpoints import load_json
from lodestone.runtime.files import write_json
from lodestone.runtime.remembered import Remembered, is_size

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

    A resumed shard goes on with the size that worked last. `known`, if anything, remembers sizes for all
    shards of the campaign: it counts structures of the network, `width` of which belong to one of the shard.
    """

    def __init__(
        self, wanted: int, lineage: int, folder: Path, *, known: Remembered | None = None, width: int = 1
    ) -> None:
        self._path, self._lineage, self._known, self._width = folder / FILE, lineage, known, width
        found = load_json(self._path, is_size)
        self.resumed = found is not None
        """Whether an earlier run has left a size."""
        self.now = self._whole(min(wanted, found["batch_size"] if found else wanted))

    def _whole(self, size: int) -> int:
        """In whole lineages, at least one, and no more than the campaign knows to fit."""
        if self._known is not None:
            size = min(size, self._known.most(size * self._width) // self._width)
        return max(self._lineage, size - size % self._lineage)

    def choose(self, size: int) -> None:
        """Go on with this size, and let a resumed shard do so too."""
        self.now = self._whole(size)
        write_json(self._path, {"batch_size": self.now})

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
        self.choose(self.now // 2)
        if self._known is not None:
            self._known.lower(self.now * self._width)

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


def release() -> None:
    """Give back what a batch that did not fit has left behind."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
