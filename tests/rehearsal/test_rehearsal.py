"""What a rehearsal tells of a campaign: seconds of every stage, from Snakemake's own log."""

import pytest
from tools.rehearsal.__main__ import stage_seconds, table
from tools.rehearsal.campaigns import campaign

from lodestone.config.campaign import Campaign
from lodestone.sampling.mattergen.published import PUBLISHED

LOG = """\
[Mon Nov 30 23:59:58 2026]
Job 6: sample unguided, shard 0000
Reason: Missing output files
[Mon Nov 30 23:59:59 2026]
Job 10: sample volume-s0.1, shard 0000
[Tue Dec  1 00:00:05 2026]
Finished jobid: 6 (Rule: sample)
[Tue Dec  1 00:00:10 2026]
Finished jobid: 10 (Rule: sample)
[Tue Dec  1 00:00:10 2026]
Job 5: measure unguided
[Tue Dec  1 00:00:12 2026]
Finished jobid: 5 (Rule: measure)
"""


def test_seconds_of_a_stage_are_those_of_all_of_its_jobs():
    assert stage_seconds(LOG.splitlines()) == {"sample": 7 + 11, "measure": 2}


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_checkpoint_has_a_campaign(name, tmp_path):
    (tmp_path / "saved_model.pb").touch()
    document = campaign(name, tmp_path, tmp_path, ["embedded"], structures=4, steps=4, atoms=20)
    document["model"]["checkpoint"] = name  # the weights are not written here
    found = Campaign.model_validate(document)
    assert set(found.model.conditions) == set(PUBLISHED[name]) - {"chemical_system"}
    assert found.model.masked == ("chemical_system" not in PUBLISHED[name])


def test_the_table_has_a_column_per_stage():
    one = {
        "name": "mattergen_base",
        "wall_seconds": 30.0,
        "peak_bytes": 2e9,
        "weights_bytes": 2e8,
        "stage_seconds": {"sample": 18.0},
        "result_bytes": 3e6,
        "timing": {"unguided": {"passes": 10.0, "seconds": 5.0}},
    }
    head, row = table([one]).splitlines()
    assert head.split("  ")[-1].strip() == "sample, s"
    assert row.split() == ["mattergen_base", "200", "2.00", "3.0", "0.500", "30", "18"]
