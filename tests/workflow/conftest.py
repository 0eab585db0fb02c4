import json
import re
import shutil

import pytest

CAMPAIGN = """\
campaign: house
chemical_system: Li-Co-O
sampling: {structures: 8, shard: 4, seed: 1, atoms: {max: 8}}
constraints:
  volume:
    terms: [{kind: volume_per_atom, target: 14.0}]
    satisfied_within: 1.0
guidance: {strengths: [0.1]}
deduplicate: {threshold: 0.10}
"""
ARMS = ("unguided", "control", "volume-s0.1", "volume-late")
SUMMARY = {"campaign": "house", "chemical_system": "Li-Co-O", "notes": [], "constraints": [], "best": []}


@pytest.fixture(scope="session")
def campaign_text():
    return CAMPAIGN


@pytest.fixture(scope="session")
def arm_names():
    return ARMS


@pytest.fixture(scope="session")
def jobs():
    """Jobs per rule that a dry run announces, without `all`."""

    def count(process):
        assert process.returncode == 0, process.stderr
        text = process.stdout + process.stderr
        table = text.partition("Job stats:")[2].partition("total")[0]
        return {
            rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE) if rule != "all"
        }

    return count


@pytest.fixture(scope="session")
def house(tmp_path_factory, root):
    """A copy of the workflow and the library that a test may edit and puts back, beside a campaign file."""
    folder = tmp_path_factory.mktemp("house")
    for name in ("workflow", "rules", "scripts", "profiles", "src/lodestone"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "house.yaml").write_text(CAMPAIGN)
    return folder


@pytest.fixture(scope="session")
def finished(house, snakemake):
    """That copy with a campaign whose outputs all exist and are on record as made with this very file."""
    config = ("--configfile", "house.yaml")
    listed = snakemake(house, *config, "--summary", house=house)
    outputs = [line.split("\t")[0] for line in listed.stdout.splitlines()[1:]]
    assert len(outputs) > 40, listed.stderr
    for output in outputs:
        path = house / output
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.name == "best":
            path.mkdir()
        else:
            path.write_text(json.dumps(SUMMARY) if path.name == "summary.json" else output)
    touched = snakemake(house, *config, "--touch", "--forceall", house=house)
    assert touched.returncode == 0, touched.stderr
    return house
