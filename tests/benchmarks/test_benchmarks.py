"""The benchmarks: arithmetic of the runner, and that each part runs at a toy size."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import places
from benchmarks.coordination import report as coordination_report
from benchmarks.coordination import run as coordination
from benchmarks.coordination.cells import known_crystals, random_cells
from benchmarks.satisfying import costs
from benchmarks.shared import cases, pages, rates, timing

ROOT = Path(__file__).parents[2]
EVERYBODY = 10_000  # neighbours; more than there are within any cutoff

pytestmark = pytest.mark.slow


def test_ratio_of_medians_and_its_interval() -> None:
    found = timing.ratio_of_medians([2.0, 4.0, 6.0], [1.0, 2.0, 3.0], paired=True)
    assert (found.value, found.low, found.high) == (2.0, 2.0, 2.0)  # each repeat has the same ratio
    apart = timing.ratio_of_medians([2.0, 4.0, 6.0], [1.0, 2.0, 3.0], paired=False)
    assert apart.value == 2.0
    assert apart.low < 2.0 < apart.high
    with pytest.raises(ValueError, match="as many"):
        timing.ratio_of_medians([1.0], [1.0, 2.0], paired=True)


def test_interleaving_runs_everything_once_per_repeat() -> None:
    calls: list[str] = []
    found = timing.interleaved({n: lambda n=n: calls.append(n) for n in "abc"}, repeats=4, warm_up=2)
    assert [sorted(calls[k : k + 3]) for k in range(0, 18, 3)] == [["a", "b", "c"]] * 6
    assert len({tuple(calls[k : k + 3]) for k in range(0, 18, 3)}) > 1
    assert all(len(c.wall) == len(c.cpu) == 4 for c in found.values())


def test_cost_of_a_success_is_the_cost_of_a_structure_over_the_rate() -> None:
    weights, lineage = np.array([1.0, 0, 0, 1, 0, 0, 0, 0]), np.arange(8)
    row = costs.outcome("satisfied", weights, lineage, {"passes": 10.0})
    cost = row["passes_per_success"]
    assert cost["value"] == pytest.approx(40.0)
    assert row["rate"][1:] == pytest.approx([0.0715, 0.5907], abs=1e-3)  # Wilson, 2 of 8
    assert cost["low"] == pytest.approx(10 / row["rate"][2])
    assert cost["high"] == pytest.approx(10 / row["rate"][1])


def test_no_success_has_no_cost_but_a_least_one() -> None:
    cost = costs.per_success(10.0, rates.rate(np.zeros(20), np.arange(20)))
    assert cost["value"] is None
    assert cost["high"] is None
    assert cost["low"] == pytest.approx(10 / 0.1611, rel=1e-3)  # Wilson, 0 of 20


def test_lineages_widen_the_interval() -> None:
    weights = np.repeat([1.0, 0.0] * 10, 4)
    alone = rates.rate(weights, np.arange(80))
    related = rates.rate(weights, np.repeat(np.arange(20), 4))
    assert related.value == alone.value == 0.5
    assert related.high - related.low > 1.5 * (alone.high - alone.low)


def test_distinct_weights_sum_to_the_number_of_crystals() -> None:
    chosen = np.array([True, False, True, True, True])
    weights = rates.distinct_weights(chosen, np.array([0, 0, 0, 3]))
    assert weights == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3, 1])
    assert rates.distinct_weights(np.zeros(3, dtype=bool), np.array([], dtype=int)).sum() == 0


def test_passes_of_the_references_own_code() -> None:
    plain = {"steps": 10, "start": 0.9, "recurrence": 1, "algorithm": 0, "halves": 1, "forward": False}
    assert costs.reference_passes(**plain) == 20  # corrector and predictor
    best = plain | {"recurrence": 3, "algorithm": 1, "halves": 2, "forward": True}
    # at t = 1 and 0.9 plain; below a corrector 2, three scores 6, three forward passes 4.5, two correctors 4
    assert costs.reference_passes(**best) == pytest.approx(2 * 4 + 8 * 16.5)


def test_random_cells_have_the_volume_and_no_overlaps() -> None:
    cells = random_cells([26] * 10 + [5] * 10, 4, np.random.default_rng(3))
    volume = np.abs(np.linalg.det(cells.cell)) / 20
    assert ((volume >= 8) & (volume <= 15)).all()
    shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), -1).reshape(-1, 3)
    for cell, frac in zip(cells.cell, cells.frac, strict=True):
        apart = np.linalg.norm((frac[:, None, None] - frac[None, :, None] + shifts) @ cell, axis=-1)
        assert np.sort(apart.ravel())[20] > 1.2  # the first 20 are each atom itself


def test_our_counts_of_the_known_crystals() -> None:
    assert [coordination._hard(k) for k in known_crystals()] == [k.count for k in known_crystals()]


FAKE = """
import json, sys
given = json.load(open(sys.argv[2]))
timed = [{"counts": [4.0] * len(c["cell"]), "wall": [2.0] * c["repeats"], "cpu": [2.0] * c["repeats"]}
         for c in given["timed"]]
json.dump({"known": [k["target"] for k in given["known"]], "timed": timed}, open(sys.argv[3], "w"))
"""


def test_coordination_at_a_toy_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference is a stand-in that answers 4 neighbours after 2 s."""
    folder = tmp_path / "reference" / "mattergen" / "diffusion"
    folder.mkdir(parents=True)
    (folder / "diffusion_loss.py").touch()
    fake = tmp_path / "fake.py"
    fake.write_text(FAKE, encoding="utf-8")
    monkeypatch.setattr(coordination, "SCRIPT", fake)
    found = coordination.run(tmp_path / "reference", structures=5, repeats=2, threads=(1,))
    assert [row["structures"] for row in found["timings"]] == [1, 5, 1, 5]
    for row in found["timings"]:
        assert row["speedup_known_wall"][0] == pytest.approx(2.0 / row["ours_known_median"]["wall"])
    text = coordination_report.tables(json.loads(json.dumps(found)))
    assert "Fe10B10" in text


def test_cases_are_valid_campaigns() -> None:
    file = cases.read()
    for case in file["cases"]:
        for arm in file["arms"]:
            asked = cases.campaign(file, case, arm, structures=8, steps=20, seed=1)
            assert list(asked.constraints) == [case]
    reference = cases.campaign(file, "co_o_4", "reference_settings", structures=8, steps=20, seed=1)
    section = reference.guidance
    assert (reference.model.guidance_factor, section.recurrence, section.backward_steps) == (2.0, 3, 2)
    assert (section.forward, section.start, section.normalisation) == (0.01, 0.9, "unit")
    with pytest.raises(SystemExit, match="no case 'x'"):
        cases.campaign(file, "x", "default", structures=8, steps=20, seed=1)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """One segment of one step, and the cheapest and the dearest way only."""
    from benchmarks.step import run as step

    monkeypatch.setattr(step, "SEGMENTS", (0.5,))
    monkeypatch.setattr(step, "WEIGHTED", (0.5,))
    monkeypatch.setattr(step, "PER_SEGMENT", 2)
    names = ("backward, B=1", "forward and backward, R=1, particles")
    monkeypatch.setattr(step, "WAYS", {name: step.WAYS[name] for name in names})
    monkeypatch.setattr(step, "GOALS", {"backward, B=1": 0.0})  # cannot be met


@pytest.mark.usefixtures("toy")
def test_steps_at_a_toy_size() -> None:
    from benchmarks.step import run as step
    from benchmarks.step.report import tables

    found = step.run("co_o_4", structures=4, steps=6, repeats=1, threads=1)
    assert [row["way"] for row in found["rows"]] == [step.UPSTREAM, *step.WAYS]
    assert found["rows"][0]["wall_ratio"] == [1.0, 1.0, 1.0]
    assert list(found["profiles"]) == ["backward, B=1"]
    assert "goal missed" in tables(found)


def test_our_segment_without_guidance_is_upstreams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides of the ratio compute the same crystals, but for the last bits of the times.

    The network looks at its nearest neighbours only, and an atom's own images on both sides tie: the last
    bits, and with them the processor, decide which of them upstream's sampler sees. Here it sees all.
    """
    from benchmarks.step import run as step
    from lodestone.sampling.mattergen.checkpoint import load_checkpoint, locate
    from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion

    monkeypatch.setattr(step, "SEGMENTS", (0.5,))
    checkpoint = load_checkpoint(locate("embedded"), steps=12)
    network = checkpoint.module.diffusion_module.model.gemnet
    assert network.max_neighbors < EVERYBODY
    monkeypatch.setattr(network, "max_neighbors", EVERYBODY)
    diffusion = MatterGenDiffusion(checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=1.0)
    bench = step.Bench(checkpoint, diffusion, None, seed=1)
    bench.record_states([4, 5])
    moved = [work() for work in (bench.upstream, bench.ours(step.Way()))]
    apart = moved[0][0] - moved[1][0]
    assert (apart - apart.round()).abs().max() < 1e-4


def test_satisfying_at_a_toy_size_goes_on_where_it_was(tmp_path: Path) -> None:
    from benchmarks.satisfying import run as satisfying

    file = cases.read()
    asked = cases.campaign(file, "boron_8_5", "rejection", structures=4, steps=6, seed=1)
    first = satisfying._arm(asked, "boron_8_5", "rejection", guided=False, work=tmp_path)
    assert first["per_structure"]["passes"] == 12  # two per step
    assert [o["n"] for o in first["outcomes"]] == [4, 4, 4]
    again = satisfying._arm(asked, "boron_8_5", "rejection", guided=False, work=tmp_path)
    assert again["outcomes"] == first["outcomes"]
    assert again["per_structure"]["cpu_seconds"] == first["per_structure"]["cpu_seconds"]


def test_costs_of_batches_are_weighted_by_their_sizes() -> None:
    from benchmarks.shared.sampling import per_structure

    batches = [
        {"structures": 3, "passes": 10, "gradients": 0, "cpu": 6.0, "wall": 3.0},
        {"structures": 1, "passes": 20, "gradients": 4, "cpu": 2.0, "wall": 1.0},
    ]
    assert per_structure(batches) == {"passes": 12.5, "gradients": 1.0, "cpu": 2.0, "wall": 1.0}


def test_tables_stand_between_their_marks() -> None:
    text = "a\n<!-- step: begin -->\nold\n<!-- step: end -->\nb"
    once = pages.between(text, "step", "| new |")
    assert once == "a\n<!-- step: begin -->\n\n| new |\n<!-- step: end -->\nb"
    assert pages.between(once, "step", "| new |") == once
    with pytest.raises(ValueError, match="0 times"):
        pages.between(text, "coordination", "x")


def test_the_pages_have_a_place_for_every_table() -> None:
    known = list(places())
    assert {place.page for place in known} > {"benchmarks.md", "guidance.md"}
    for place in known:
        pages.between((ROOT / "docs" / place.page).read_text(encoding="utf-8"), place.mark, "x")


def test_the_pages_show_the_results_that_are_kept(tmp_path: Path) -> None:
    results = ROOT / "benchmarks" / "results"
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("figures"))
    filled = pages.update(tmp_path / "docs", results, places())
    assert {place.result for place in places()} == {path.stem for path in results.iterdir()}
    for page in filled:
        assert (tmp_path / "docs" / page).read_bytes() == (ROOT / "docs" / page).read_bytes(), page
