"""What does not fit into memory is tried in smaller batches, and only what does not fit alone is lost."""

from __future__ import annotations

import pytest

from lodestone.runtime.fitting import Batch, fitted
from lodestone.runtime.headroom import TooLargeError


class Device:
    """Holds things of so much size in all, each batch padded to `full` of them."""

    def __init__(self, sizes: list[int], holds: int, full: int = 8) -> None:
        self.sizes, self.holds, self.full = sizes, holds, full
        self.called: list[Batch] = []

    def batches(self, chosen: Batch) -> list[Batch]:
        return [chosen[i : i + self.full] for i in range(0, len(chosen), self.full)]

    def call(self, batch: Batch) -> list[str]:
        self.called.append(batch)
        if sum(self.sizes[i] for i in batch) > self.holds:
            raise MemoryError("bad_alloc")
        return [f"#{i}" for i in batch]

    def halve(self, batch: Batch) -> bool:
        if len(batch) == 1:
            return False
        self.full //= 2
        return True

    def run(self, *, halves: bool = True) -> list[str]:
        halve = self.halve if halves else lambda _: False
        return fitted(
            len(self.sizes), self.batches, self.call, halve=halve, lost=lambda i, why: f"lost {i}: {why}"
        )


def test_what_fits_is_called_once() -> None:
    device = Device([1] * 20, holds=8)
    assert device.run() == [f"#{i}" for i in range(20)]
    assert [len(batch) for batch in device.called] == [8, 8, 4]


def test_batches_stay_small_after_one_that_did_not_fit() -> None:
    device = Device([1] * 20, holds=5)
    assert device.run() == [f"#{i}" for i in range(20)]
    assert [len(batch) for batch in device.called] == [8, 4, 4, 4, 4, 4]


def test_one_that_is_too_large_is_lost_alone() -> None:
    device = Device([1, 1, 9, 1, 1], holds=4)
    assert device.run() == ["#0", "#1", "lost 2: out of memory: bad_alloc", "#3", "#4"]


def test_where_halving_is_refused_only_the_batch_is_split() -> None:
    device = Device([1] * 8 + [1, 9] + [1] * 6 + [1] * 8, holds=8)
    found = device.run(halves=False)
    assert [i for i, one in enumerate(found) if one.startswith("lost")] == [9]
    assert [len(batch) for batch in device.called] == [8, 8, 4, 2, 1, 1, 2, 4, 8]


def test_a_refusal_is_the_reason_as_it_is() -> None:
    def call(_: Batch) -> list[str]:
        raise TooLargeError("too large for the memory")

    assert fitted(1, lambda b: [b], call, halve=lambda _: False, lost=lambda _, why: why) == [
        "too large for the memory"
    ]


def test_other_errors_go_on() -> None:
    def call(_: Batch) -> list[str]:
        raise KeyError("x")

    with pytest.raises(KeyError):
        fitted(2, lambda b: [b], call, halve=lambda _: True, lost=lambda _, why: why)


def test_nothing_gives_nothing() -> None:
    assert Device([], holds=1).run() == []
