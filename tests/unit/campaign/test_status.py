import os

import polars as pl
import pytest

from lodestone.campaign import CampaignPaths
from lodestone.campaign.status import read_chunks, status
from lodestone.campaign.text import status_text
from lodestone.structures.table import write_table

NOW = 1_700_000_000.0


def chunk(path, rows, age):
    write_table(pl.DataFrame({"id": [str(i) for i in range(rows)]}), path)
    os.utime(path, (NOW - age, NOW - age))


@pytest.fixture
def paths(tmp_path):
    return CampaignPaths(campaign="small", root=tmp_path)


def by_stage(campaign, paths):
    return {(row.arm, row.stage): row for row in status(campaign, paths, NOW)}


def test_nothing_is_done_at_the_start(campaign, paths):
    rows = status(campaign(), paths, NOW)
    assert len(rows) == 8 * 8 + 6
    assert all(row.done == 0 and not row.running and row.seconds_left is None for row in rows)
    assert status_text(rows, paths).splitlines()[0].endswith("small: 0 of 70 stages done")


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


def test_the_state_of_a_finished_shard_counts_once(campaign, paths):
    chunk(paths.samples("unguided", 0), 8, 0)
    chunk(paths.state("unguided", 0) / "batch-0000.parquet", 8, 0)
    assert by_stage(campaign(), paths)["unguided", "sample"].done == 8


def test_a_job_that_writes_no_more_is_not_running(campaign, paths):
    for number, age in enumerate((1030, 1020, 1010)):
        chunk(paths.state("control", 0) / f"batch-{number:04d}.parquet", 2, age)
    row = by_stage(campaign(), paths)["control", "sample"]
    assert (row.done, row.running, row.seconds_left) == (6, False, None)
    assert " stopped" in status_text([row], paths)


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
