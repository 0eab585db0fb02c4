"""A pilot comes before the arms whose strength it chooses, once per constraint."""

import pytest


@pytest.fixture
def auto(tmp_path, campaign_text):
    def write(strengths="auto"):
        assert "strengths: [0.1]" in campaign_text
        text = campaign_text.replace("strengths: [0.1]", f"strengths: {strengths}")
        (tmp_path / "house.yaml").write_text(text)
        return tmp_path

    return write


def test_arms_of_a_pilot_have_the_jobs_of_any_other(auto, snakemake, jobs):
    found = jobs(snakemake(auto(), "--configfile", "house.yaml", "-n"))
    assert found["pilot"] == 1
    assert found["sample"] == 7  # two shards each, but one where a lineage of eight is not cut
    assert found["measure"] == 4


def test_plain_arms_do_not_wait_for_the_pilot(auto, snakemake, jobs):
    sample = "results/house/arms/{}/samples/0000.parquet"
    folder = auto()
    wanted = [
        (("unguided",), {"sample": 1}),
        (("volume-auto", "volume-late"), {"sample": 2, "pilot": 1, "references": 1, "reference_energy": 1}),
    ]
    for arms, expected in wanted:
        files = [sample.format(arm) for arm in arms]
        assert jobs(snakemake(folder, *files, "--configfile", "house.yaml", "-n")) == expected


def test_a_wrong_pilot_is_refused_with_its_place(auto, snakemake):
    folder = auto("{auto: {candidates: [0.1]}}")
    process = snakemake(folder, "--configfile", "house.yaml")
    assert process.returncode == 2
    assert "house.yaml:8: guidance.strengths.auto.candidates: has 1 entries; allowed: " in process.stderr
