import os

import polars as pl
import pytest

from lodestone.operations.chunks import read_chunks
from lodestone.operations.status import status, status_text
from lodestone.structures.table import write_table
from lodestone.workflow.paths import CampaignPaths

NOW = 1_700_000_000.0


def chunk(path, rows, age):
    write_table(pl.DataFrame({"id": [str(i) for i in range(rows)]}), path)
    os.utime(path, (NOW - age, NOW - age))


@pytest.fixture
def paths(tmp_path):
    return CampaignPaths(campaign="small", root=tmp_path)


def by_stage(campaign, paths):
    return {(row.arm, row.stage): row for row in look(campaign, paths).stages}


def look(campaign, paths):
    return status(campaign, paths, paths.root / "no-journal", NOW)


def test_nothing_is_done_at_the_start(campaign, paths):
    found = look(campaign(), paths)
    assert len(found.stages) == 8 * 8 + 7
    assert all(row.done == 0 and not row.running and row.seconds_left is None for row in found.stages)
    lines = status_text(found).splitlines()
    assert lines[0].endswith("small: 0 of 71 stages done")
    assert lines[-1] == "0 of 160 structures sampled"
    assert not found.journal


def test_the_pilot_of_an_arm_comes_before_it(campaign, paths):
    auto = campaign(
        ("strengths: [0.1, 0.3]", "late: true"),
        guidance={"strengths": {"auto": {"candidates": [0.1, 0.3], "structures": 4}}, "particles": None},
    )
    folder = paths.state("pilot", "co_o_4") / "abc"
    chunk(folder / "pilot-co_o_4-control" / "0000" / "batch-0000.parquet", 4, 20)
    chunk(folder / "pilot-co_o_4-s0.1" / "0000" / "batch-0000.parquet", 2, 10)
    chunk(paths.pilot("volume_15"), 1, 0)
    rows = by_stage(auto, paths)
    row = rows["co_o_4-auto", "pilot"]
    assert (row.done, row.total, row.running) == (6, 12, True)
    assert rows["volume_15-auto", "pilot"].done == 12
    assert ("co_o_4-late", "pilot") not in rows


def test_finished_shards_and_batches_of_open_ones_are_counted(campaign, paths):
    chunk(paths.samples("unguided", 0), 8, 0)
    for number, age in enumerate((30, 20, 10)):
        chunk(paths.state("unguided", 1) / f"batch-{number:04d}.parquet", 2, age)
    row = by_stage(campaign(), paths)["unguided", "sample"]
    assert (row.done, row.total, row.running) == (8 + 6, 20, True)
    assert row.seconds_left == pytest.approx(6 / 0.2)
    assert (row.jobs, row.jobs_done) == (3, 1)
    text = status_text(look(campaign(), paths))
    assert "1 of 3 jobs done, running" in text
    # of everything, at this rate
    assert text.splitlines()[-1] == "14 of 160 structures sampled, ~12 min left"


def test_the_state_of_a_finished_shard_counts_once(campaign, paths):
    chunk(paths.samples("unguided", 0), 8, 0)
    chunk(paths.state("unguided", 0) / "batch-0000.parquet", 8, 0)
    assert by_stage(campaign(), paths)["unguided", "sample"].done == 8


def test_a_job_that_writes_no_more_is_not_running(campaign, paths):
    for number, age in enumerate((1030, 1020, 1010)):
        chunk(paths.state("control", 0) / f"batch-{number:04d}.parquet", 2, age)
    found = look(campaign(), paths)
    row = next(row for row in found.stages if (row.arm, row.stage) == ("control", "sample"))
    assert (row.done, row.running, row.seconds_left) == (6, False, None)
    assert any(" stopped" in line for line in status_text(found).splitlines() if "control" in line)


def test_a_shard_that_nobody_began_is_not_called_stopped(campaign, paths):
    chunk(paths.samples("control", 0), 8, 0)
    (line,) = [line for line in status_text(look(campaign(), paths)).splitlines() if " 8  20 " in line]
    assert line.endswith("1 of 3 jobs done")


def test_stages_are_done_with_their_table_and_counted_by_chunks_before(campaign, paths):
    chunk(paths.stage("unguided", "measured"), 20, 0)
    chunk(paths.state("unguided", "relax") / "abc" / "00000.parquet", 16, 20)
    chunk(paths.state("unguided", "relax") / "abc" / "00001.parquet", 2, 10)
    rows = by_stage(campaign(), paths)
    assert rows["unguided", "measure"].done == 20
    relax = rows["unguided", "relax"]
    assert (relax.done, relax.total, relax.running) == (18, 20, True)
    assert relax.seconds_left == pytest.approx(10.0)


def test_only_the_newest_of_several_states_counts(paths):
    folder = paths.state("unguided", "relax")
    for number in range(3):
        chunk(folder / "old" / f"{number:05d}.parquet", 8, 500 - number)
    chunk(folder / "new" / "00000.parquet", 8, 5)
    assert read_chunks(folder, NOW).rows == 8


def test_unreadable_and_half_written_chunks_are_passed_over(paths):
    folder = paths.state("unguided", 0)
    chunk(folder / "batch-0000.parquet", 3, 5)
    (folder / "batch-0001.parquet").write_bytes(b"PAR1 cut off")
    (folder / ".batch-0002.parquet.x.part").write_bytes(b"")
    assert read_chunks(folder, NOW).rows == 3


def test_stages_of_the_campaign_are_done_with_their_files(campaign, paths):
    chunk(paths.references, 1, 0)
    paths.report.write_text("")
    rows = by_stage(campaign(), paths)
    assert {stage for (arm, stage), row in rows.items() if not arm and row.done} == {"references", "report"}


def test_chunks_are_counted_again_only_where_they_are_new(paths, monkeypatch):
    from lodestone.operations import chunks

    folder = paths.state("unguided", 0)
    chunk(folder / "batch-0000.parquet", 3, 5)
    assert read_chunks(folder, NOW).rows == 3
    asked = []
    monkeypatch.setattr(chunks, "_rows", lambda fresh: asked.extend(fresh) or dict.fromkeys(fresh, 2))
    chunk(folder / "batch-0003.parquet", 2, 4)
    assert read_chunks(folder, NOW).rows == 5
    assert [path.name for path in asked] == ["batch-0003.parquet"]


def test_reference_energies_by_other_estimators_are_stages(campaign, paths):
    term = {"kind": "energy_above_hull", "target": 0, "estimator": {"kind": "chgnet"}}
    asked = campaign(constraints={"stable": {"terms": [term], "satisfied_within": 0.1}})
    rows = [row for row in look(asked, paths).stages if row.stage == "term_reference_energy"]
    assert [(row.done, row.total) for row in rows] == [(0, 1)]


def test_many_arms_are_told_by_stage(campaign, paths):
    many = campaign(guidance={"strengths": [round(0.01 * i, 2) for i in range(1, 31)]})
    found = look(many, paths)
    assert len(found.stages) == 64 * 8 + 7
    lines = status_text(found).splitlines()
    assert len(lines) == 2 + 1 + 8 + 7 + 2
    assert lines[3].split()[:5] == ["64", "arms", "sample", "0", "1,280"]
    assert len(status_text(found, every_arm=True).splitlines()) == 2 + 1 + 64 * 8 + 7 + 2


def test_a_damaged_chunk_is_not_counted(tmp_path):
    import polars as pl

    from lodestone.operations.chunks import read_chunks
    from lodestone.runtime.checkpoints import save

    for i in range(2):
        save(pl.DataFrame({"id": ["a", "b"]}), tmp_path / "key" / f"{i:05d}.parquet")
    assert read_chunks(tmp_path, 0.0).rows == 4
    broken = tmp_path / "key" / "00001.parquet"
    broken.write_bytes(broken.read_bytes()[:-7])
    assert read_chunks(tmp_path, 0.0).rows == 2
