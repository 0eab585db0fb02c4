"""Functions of a campaign in the workflow: none runs without the flag, and an edit reruns what uses one."""

import json

import pytest

FUNCTION = "open('ran', 'a')\ndef volume(atoms):\n    return atoms.get_volume() / len(atoms)\n"
OLD = "terms: [{kind: volume_per_atom, target: 14.0}]"
NEW = "terms: [{kind: function, function: 'own.py:volume', target: 14.0}]"
SUMMARY = {"campaign": "house", "chemical_system": "Li-Co-O", "notes": [], "constraints": [], "best": []}
ALLOWED = ("--config", "allow_functions=true")


@pytest.fixture
def folder(tmp_path, campaign_text):
    assert OLD in campaign_text
    (tmp_path / "own.py").write_text(FUNCTION)
    (tmp_path / "house.yaml").write_text(campaign_text.replace(OLD, NEW))
    yield tmp_path
    assert not (tmp_path / "ran").exists()  # planning runs nothing


def test_without_the_flag_nothing_is_planned(folder, snakemake):
    found = snakemake(folder, "--configfile", "house.yaml", "-n")
    assert found.returncode != 0
    told = found.stdout + found.stderr
    assert "house.yaml:6: constraints.volume.terms[0].function: would run volume of own.py (sha256 " in told
    assert "`--config allow_functions=true` of snakemake" in told
    assert "Job stats" not in told
    assert not (folder / "results").exists()


def test_an_edited_function_reruns_the_stages_that_use_it(folder, snakemake, jobs):
    config = ("--configfile", "house.yaml", *ALLOWED)
    listed = snakemake(folder, *config, "--summary")
    outputs = [line.split("\t")[0] for line in listed.stdout.splitlines()[1:]]
    assert len(outputs) > 40, listed.stderr
    for output in outputs:
        path = folder / output
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.name == "best":
            path.mkdir()
        else:
            path.write_text(json.dumps(SUMMARY) if path.name == "summary.json" else output)
    assert snakemake(folder, *config, "--touch", "--forceall").returncode == 0
    assert jobs(snakemake(folder, *config, "-n")) == {}
    (folder / "own.py").write_text(FUNCTION.replace("len(atoms)", "(1 + len(atoms))"))
    again = jobs(snakemake(folder, *config, "-n"))
    ending = {"analyse": 1, "record": 1, "report": 1, "figures": 1}
    others = {"symmetrize", "screen", "deduplicate", "novelty", "energy", "hull"}  # of arms sampled anew
    assert {k: n for k, n in again.items() if k not in others} == {
        "sample": 3,
        "measure": 4,
        "relax": 4,
        **ending,
    }
    assert again["symmetrize"] == 2
