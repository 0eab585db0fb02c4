"""Batches of things that may not fit into memory: smaller ones, down to what does not fit alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from lodestone.runtime.headroom import TooLargeError
from lodestone.runtime.memory import is_exhausted, release

T = TypeVar("T")
Batch = list[int]
LONGEST = 200  # characters of an error in a reason


def fitted(
    count: int,
    batches: Callable[[Batch], list[Batch]],
    call: Callable[[Batch], Sequence[T]],
    *,
    halve: Callable[[Batch], bool],
    lost: Callable[[int, str], T],
) -> list[T]:
    """Results of `call` for things 0 to `count` - 1, in order.

    Args:
        count: Of the things.
        batches: Indices in batches that are called one after the other.
        call: Results of a batch, in its order. That memory does not suffice is what it may raise.
        halve: Makes the next batches smaller after one that did not fit; False where that would not help it.
        lost: What stands for a thing that does not fit alone, with the reason in words.
    """
    found: dict[int, T] = {}
    waiting = batches(list(range(count)))
    while waiting:
        batch, *waiting = waiting
        try:
            found.update(zip(batch, call(batch), strict=True))
            continue
        except Exception as error:  # only memory is dealt with here
            if not is_exhausted(error):
                raise
            reason = words(error)
        release()  # outside of the handler, where the traceback no longer keeps the batch alive
        if halve(batch):
            waiting = batches(sorted([*batch, *(i for one in waiting for i in one)]))
        elif len(batch) > 1:
            half = len(batch) // 2
            waiting = [batch[:half], batch[half:], *waiting]
        else:
            found[batch[0]] = lost(batch[0], reason)
    return [found[i] for i in range(count)]


def words(error: BaseException) -> str:
    """An error of memory as the reason of a row."""
    said = " ".join(str(error).split())
    return said if isinstance(error, TooLargeError) else f"out of memory: {said[:LONGEST]}".rstrip(": ")
