"""Every campaign of config/ has the jobs that its arms and shards ask for."""

import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted(path.name for path in (ROOT / "config").glob("*.yaml") if path.stem != "default")
PER_ARM = ("measure", "relax", "symmetrize", "screen", "deduplicate", "novelty", "energy")
ONCE = ("references", "reference_energy", "hull", "analyse", "record", "report", "figures")
PROPOSALS = {"strict.yaml": {"propose": 4, "train_generator": 1}}


def test_there_are_campaigns():
    assert "demo.yaml" in CONFIGS
    assert len(CONFIGS) >= 6


@pytest.mark.parametrize("name", CONFIGS)
def test_every_arm_and_shard_has_its_jobs(
    name, root, snakemake, jobs, tmp_path, record_property, monkeypatch
):
    from lodestone.config import arms, load_campaign, shards

    file = root / "config" / name
    (tmp_path / "config").symlink_to(root / "config")  # functions are named from the working folder
    monkeypatch.chdir(root)
    campaign = load_campaign(file, {"allow_functions": True})
    begin = time.monotonic()
    found = jobs(snakemake(tmp_path, "--configfile", file, "--config", "allow_functions=true", "-n"))
    record_property("dry_run_seconds", round(time.monotonic() - begin, 1))
    count = len(arms(campaign))
    assert found == {
        "sample": sum(len(shards(campaign, arm)) for arm in arms(campaign)),
        **dict.fromkeys(PER_ARM, count),
        **dict.fromkeys(ONCE, 1),
        **PROPOSALS.get(name, {}),
    }
    assert not (tmp_path / "results").exists()
