"""Cut anywhere inside a batch, a shard goes on there and ends with the bytes of an undisturbed one."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from cut_batches import (
    GUIDED,
    PLAN,
    RECURRENT,
    SAMPLERS,
    Cuts,
    Killed,
    Known,
    Made,
    begun,
    guided,
    particles,
    run,
)
from torch import Tensor

from lodestone.runtime.seeds import derive_seed
from lodestone.runtime.signals import Stopped
from lodestone.sampling.batches import batch_path
from lodestone.sampling.loop import LoopOptions, denoise
from lodestone.sampling.resume import Bookmark, Unfit, kept_in, loop, place_of, size_of
from lodestone.sampling.rows import sample_rows
from lodestone.sampling.shard import collect, run_shard, sample_batch
from lodestone.sampling.state import Score, State


@pytest.fixture(autouse=True)
def _single_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Signals that came, none yet; and a place that is kept at every level."""
    found: list[str] = []
    monkeypatch.setattr("os.fsync", lambda _: None)  # no power fails here
    monkeypatch.setattr("lodestone.runtime.signals._requests", found)
    monkeypatch.setenv("LODESTONE_SAVE_EVERY", "0")
    return found


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("how", ["killed", "asked"])
def test_cut_at_every_pass_it_ends_with_the_same_bytes(
    sampler: Callable[[Cuts], Made],
    how: str,
    tmp_path: Path,
    requests: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = Cuts()
    expected = run(sampler(whole), tmp_path / "0" / "shard", 4)
    level = 8  # passes and evaluations of the longest level
    continued = 0
    for at in range(2, whole.asked + 1):
        folder = tmp_path / str(at) / "shard"
        first, second = Cuts(at, how, requests), Cuts()
        with suppress(Killed, Stopped):  # asked during the last level it just ends
            run(sampler(first), folder, 4)
            assert at > whole.asked - level
            assert how == "asked"
        assert at <= first.asked <= at + level
        requests.clear()
        capsys.readouterr()
        assert run(sampler(second), folder, 4) == expected
        continued += "continued at" in capsys.readouterr().err
        assert first.asked + second.asked <= whole.asked + level
        assert not begun(folder)
        shutil.rmtree(folder)
    assert continued > 0.6 * whole.asked


def test_cut_again_and_again_it_still_ends_with_the_same_bytes(tmp_path: Path, requests: list[str]) -> None:
    expected = run(particles(Cuts()), tmp_path / "whole" / "shard")
    folder, runs = tmp_path / "cut" / "shard", 0
    rng = np.random.default_rng(1)
    while True:
        runs += 1
        cuts = Cuts(int(rng.integers(7, 10)), "asked" if runs % 2 else "killed", requests)
        try:
            found = run(particles(cuts), folder)
            break
        except (Killed, Stopped):
            requests.clear()
    assert runs > 4
    assert found == expected


def test_it_says_where_it_stops_and_where_it_goes_on(
    tmp_path: Path, requests: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cuts = Cuts(5, "asked", requests)
    plan, draw, _ = guided(cuts)
    with pytest.raises(Stopped, match=r"\(SIGUSR2\), 0 of 6 structures finished, batch 0 at level 3 of 6; "):
        list(run_shard(plan, draw, tmp_path))
    requests.clear()
    plan, draw, _ = guided(Cuts())
    told: list[float] = []
    assert list(run_shard(plan, draw, tmp_path, earlier=told.append)) == [(0, 6), (4, 6), (6, 6)]
    assert "batch 0: continued at level 3 of 6\n" in capsys.readouterr().err
    assert told[0] > 0
    assert told[1:] == [0.0]


def test_what_it_had_counted_goes_on(tmp_path: Path, requests: list[str]) -> None:
    whole, cut = Known(Cuts()), Known(Cuts(12, "asked", requests))
    list(run_shard(PLAN, partial(sample_batch, whole, PLAN, GUIDED), tmp_path / "whole"))
    with pytest.raises(Stopped):
        list(run_shard(PLAN, partial(sample_batch, cut, PLAN, GUIDED), tmp_path / "cut"))
    requests.clear()
    again = Known(Cuts())
    list(run_shard(PLAN, partial(sample_batch, again, PLAN, GUIDED), tmp_path / "cut"))
    assert again.passes == whole.passes == whole.cuts.asked


class Narrow(Known):
    """A network on a device that holds three structures."""

    def score(self, state: State, t: Tensor) -> Score:
        if state.n_structures > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().score(state, t)


def test_a_halved_batch_that_is_continued_keeps_its_size(
    tmp_path: Path, requests: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def narrow(cuts: Cuts, kind: type[Known] = Narrow) -> Made:
        return PLAN, partial(sample_batch, kind(cuts), PLAN, GUIDED), 1

    expected = run(narrow(Cuts()), tmp_path / "whole" / "shard")
    folder = tmp_path / "cut" / "shard"
    with pytest.raises(Stopped):
        run(narrow(Cuts(8, "asked", requests)), folder)
    requests.clear()
    assert size_of(folder, 0) == 2
    assert run(narrow(Cuts(), Known), folder) == expected  # also where the device now holds more
    assert collect(PLAN, folder)["batch_size"].to_list() == [2] * 6
    assert "batch 0: continued at level 4 of 6" in capsys.readouterr().err


def test_a_smaller_batch_that_was_begun_keeps_its_size_and_a_larger_one_is_drawn_anew(
    tmp_path: Path, requests: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def sized(size: int, cuts: Cuts) -> Made:
        plan = replace(PLAN, batch_size=size)
        return plan, partial(sample_batch, Known(cuts), plan, GUIDED), 1

    for first, second, sizes in ((3, 6, [3] * 6), (6, 3, [3] * 6)):
        folder = tmp_path / str(first)
        with pytest.raises(Stopped):
            run(sized(first, Cuts(8, "asked", requests)), folder)
        requests.clear()
        run(sized(second, Cuts()), folder)
        assert collect(PLAN, folder)["batch_size"].to_list() == sizes
    assert "cannot be used (of another size): kept as begun-00000000.state.broken" in capsys.readouterr().err


@pytest.fixture
def stopped(tmp_path: Path, requests: list[str]) -> tuple[Path, bytes]:
    """A shard that was stopped inside its first batch, and the bytes of an undisturbed one."""
    expected = run(guided(Cuts()), tmp_path / "whole" / "shard")
    with pytest.raises(Stopped):
        run(guided(Cuts(9, "asked", requests)), tmp_path / "cut" / "shard")
    requests.clear()
    return tmp_path / "cut" / "shard", expected


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "zeros", "other bytes", "no place"])
def test_a_broken_place_is_set_aside_and_the_batch_begins_anew(
    stopped: tuple[Path, bytes], damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from lodestone.runtime.checkpoints import save_sealed
    from lodestone.sampling.packed import pack

    folder, expected = stopped
    path = place_of(folder, 0)
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    changed = {"cut": content[:-9], "empty": b"", "zeros": bytes(len(content))}.get(damage, content)
    path.write_bytes(changed)
    if damage == "other bytes":
        save_sealed(b"no archive", path)
    if damage == "no place":
        save_sealed(pack({"key": [], "loops": {}, "seconds": 1}), path)
    assert run(guided(Cuts()), folder) == expected
    said = capsys.readouterr().err
    assert f"{path} is broken (" in said
    assert "continued" not in said
    assert [kept.name for kept in begun(folder)] == ["begun-00000000.state.broken"]


def test_a_place_of_other_settings_is_set_aside(
    stopped: tuple[Path, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = stopped
    for name, loops, word in (
        ("other", RECURRENT, "of another settings"),
        ("shard", LoopOptions(recurrence=3), "of another loop"),
    ):
        steering, found = replace(GUIDED, loop=loops), []
        for place in (folder.parents[1] / name / name, folder.parents[1] / f"{name}-clean" / name):
            place.mkdir(parents=True)
            if "clean" not in str(place):
                shutil.copy(place_of(folder, 0), place)
            found.append(run((PLAN, partial(sample_batch, Known(Cuts()), PLAN, steering), 1), place))
        assert found[0] == found[1]
        said = capsys.readouterr().err
        assert f"cannot be used ({word}" in said
        assert "continued" not in said


def test_a_finished_batch_that_is_lost_is_made_again_from_its_beginning(
    tmp_path: Path, requests: list[str]
) -> None:
    del requests
    expected = run(guided(Cuts()), tmp_path)
    batch_path(tmp_path, 0).unlink()
    assert run(guided(Cuts()), tmp_path) == expected


def test_between_two_savings_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now, saved = [0.0], []
    path = tmp_path / "begun.state"
    book = Bookmark(path, {"batch": 0}, name="batch 0", every=100, clock=lambda: now[0])
    monkeypatch.setattr(
        "lodestone.sampling.resume.save_sealed", lambda *args: saved.append((now[0], len(args[0])))
    )
    with kept_in(book):
        place = loop("level", 50, {})
        assert place.begin({"x": 1}) == (0, {"x": 1})
        for level in range(50):
            place.at(level, {"x": torch.ones(3)})
            now[0] += 30
        place.end({})
    assert [when for when, _ in saved] == [120.0 * k for k in range(1, 13)]
    assert "batch 0: level 4 of 50, at most 1380 s left\n" in capsys.readouterr().err


def test_a_full_disk_costs_the_place_and_not_the_batch(
    tmp_path: Path, requests: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del requests
    expected = run(guided(Cuts()), tmp_path / "whole" / "shard")

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(args[1]))

    monkeypatch.setattr("lodestone.sampling.resume.save_sealed", full)
    assert run(guided(Cuts()), tmp_path / "full" / "shard") == expected
    assert "batch 0 goes on, and cannot be continued inside" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["two minutes", "-1", "nan"])
def test_a_wrong_interval_is_said(
    given: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lodestone.sampling.resume import interval

    monkeypatch.setenv("LODESTONE_SAVE_EVERY", given)
    assert interval() == 120.0
    assert f"LODESTONE_SAVE_EVERY={given!r} is no number of seconds" in capsys.readouterr().err
    monkeypatch.setenv("LODESTONE_SAVE_EVERY", "30")
    assert interval() == 30.0


class Swaps:
    """Another package's exchange: it reverses what it has counted."""

    def __init__(self) -> None:
        self.count = 0

    def due(self, t: Tensor) -> bool:
        return float(t) < 0.9

    def __call__(self, state: State, t: Tensor, score: Score) -> tuple[State, Score]:  # noqa: ARG002
        self.count += 1
        return state.with_fields(state.frac, state.cell * (1 + 0.01 * self.count), state.numbers), score


class Remembering(Swaps):
    """It can tell what it has counted."""

    def remembered(self) -> int:
        return self.count

    def recall(self, memory: int) -> None:
        self.count = memory


def another(kind: type[Swaps], cuts: Cuts) -> Made:
    """A sampler of another package, which knows nothing of savings."""
    known = Known(cuts, breaks=False)

    def draw(offset: int, size: int) -> pl.DataFrame:
        with torch.random.fork_rng():
            torch.manual_seed(offset)
            state = known.prior([3] * size)
            final = denoise(
                known,
                state,
                known.score,
                options=LoopOptions(),
                watch=lambda state, _: state,
                on_level=kind(),
            )
        crystals = [
            (np.full(3, 8), final.cell[i].double().numpy(), final.frac[3 * i : 3 * i + 3].double().numpy())
            for i in range(size)
        ]
        seed = derive_seed(PLAN.seed, PLAN.arm, PLAN.shard, offset)
        rows = sample_rows(PLAN, offset, crystals, [None] * size, [None] * size, seed)
        return rows.with_columns(pl.Series("ancestry", [[i] for i in range(size)], dtype=pl.List(pl.Int32)))

    return PLAN, draw, 1


@pytest.mark.parametrize("kind", [Swaps, Remembering])
def test_the_sampler_of_another_package_is_continued_if_its_parts_remember(
    kind: type[Swaps], tmp_path: Path, requests: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    expected = run(another(kind, Cuts()), tmp_path / "whole" / "shard")
    with pytest.raises(Killed):
        run(another(kind, Cuts(11)), tmp_path / "cut" / "shard")
    capsys.readouterr()
    assert run(another(kind, Cuts()), tmp_path / "cut" / "shard") == expected
    said = capsys.readouterr().err
    if kind is Remembering:
        assert "batch 0: continued at level 5 of 6" in said
    else:
        assert "batch 0 cannot be continued inside: on_level, a Swaps, has no `remembered`" in said
        with pytest.raises(Stopped, match=r"4 of 6 structures finished; "):  # it does not listen inside
            run(another(kind, Cuts(3, "asked", requests)), tmp_path / "asked" / "shard")


def test_on_a_gpu_its_generator_is_kept_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, asked_of = [torch.arange(16, dtype=torch.uint8)], []
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: asked_of.append(device) or now[0])
    monkeypatch.setattr(
        torch.cuda,
        "set_rng_state",
        lambda state, device: now.__setitem__(0, state) or asked_of.append(device),
    )

    def begun(device: str) -> tuple[int, object]:
        with kept_in(Bookmark(tmp_path / "begun.state", {}, every=0)):
            place = loop("level", 4, {}, device=device)
            first, x = place.begin(7)
            if first == 0:
                place.at(2, 8)
            return first, x

    assert begun("cuda:1") == (0, 7)
    before = now[0].clone()
    now[0] = now[0] + 1
    assert begun("cuda:1") == (2, 8)
    assert torch.equal(now[0], before)
    assert asked_of == [torch.device("cuda:1")] * 2
    with pytest.raises(Unfit, match="of another loop"):
        begun("cpu")
