"""A campaign under fire: twenty faults, and every shard byte-equal to that of an undisturbed run."""

import bombarded
import faults
import pytest


@pytest.mark.slow
def test_every_shard_is_that_of_an_undisturbed_run(tmp_path, slurm, capsys):
    if reason := faults.why_not(tmp_path):
        pytest.skip(reason)
    with capsys.disabled():
        found = faults.compare(tmp_path, slurm, seed=1, rounds=2)
    assert found["total"] >= 20
    assert set(found["faults"]) == {*faults.KINDS, *faults.ONCE}
    assert found["lost"] == 0
    assert found["different"] == []
    assert found["shards"] == bombarded.SHARDS
