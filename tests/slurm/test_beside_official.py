"""The same ready jobs with the official plugin, which lives in an environment of its own."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("slurm", "official")


@pytest.fixture(scope="module")
def official():
    from benchmarks.slurm.run import found_by_default, official_environment

    try:
        official_environment()
        with found_by_default(Path("/dev/null")):
            pass
    except RuntimeError as error:
        pytest.skip(str(error))


def test_one_sbatch_where_the_official_plugin_needs_one_per_job():
    from benchmarks.slurm.run import WAYS, run

    found = run(
        40, 240.0, [way for way in WAYS if way.title in {"submitit", "slurm plugin, status by squeue"}]
    )
    ours, theirs = found["rows"]
    print(found)
    assert ours["made"] == theirs["made"] == 40
    assert ours["calls"]["sbatch"] == 1
    assert theirs["calls"]["sbatch"] == 40
    assert ours["calls"]["sacct"] == 0


def test_fewer_slots_than_ready_jobs_end_here():
    from benchmarks.slurm.run import WAYS, run

    (row,) = run(12, 120.0, [way for way in WAYS if way.title == "submitit, --jobs 10"])["rows"]
    assert row["ended"]
    assert row["made"] == 12
