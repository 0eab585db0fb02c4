"""A wrong campaign file ends Snakemake before any job, with its place, what is allowed and no traceback."""

import re

import pytest

WRONG = {
    "misspelt key": ("threshold: 0.10", "treshold: 0.10", 9),
    "unknown element": ("chemical_system: Li-Co-O", "chemical_system: Li-Co-Qq", 2),
    "path as name": ("campaign: house", "campaign: ../house", 1),
    "duplicate key": ("deduplicate: {threshold: 0.10}", "deduplicate: {threshold: 0.1}\ncampaign: other", 10),
    "tag": ("seed: 1", "seed: !!python/object/apply:os.getpid []", 3),
    "expression": ("campaign: house", "__use_yte__: true\ncampaign: ?print('evaluated') or 'house'", 1),
    "not YAML": ("guidance: {strengths: [0.1]}", "guidance: {strengths: [0.1}", 8),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_file_is_refused_with_its_place(fault, snakemake, tmp_path, campaign_text):
    old, new, line = WRONG[fault]
    assert old in campaign_text
    (tmp_path / "wrong.yaml").write_text(campaign_text.replace(old, new))
    process = snakemake(tmp_path, "--configfile", "wrong.yaml")
    refused(process, tmp_path)
    assert re.search(rf"^wrong\.yaml:{line}\b", process.stderr, flags=re.MULTILINE), process.stderr
    assert "evaluated" not in process.stdout.splitlines()


def refused(process, folder):
    assert process.returncode == 2, process.stderr
    assert "Traceback" not in process.stderr
    assert 'File "' not in process.stderr
    assert "allowed: " in process.stderr
    assert not (folder / "results").exists()


@pytest.mark.parametrize("name", ["missing.yaml", "folder.yaml", "latin.yaml"])
def test_what_is_no_text_is_refused(name, snakemake, tmp_path, campaign_text):
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "latin.yaml").write_bytes(campaign_text.encode() + b"# Volumen je Atom f\xfcr Oxide\n")
    process = snakemake(tmp_path, "--configfile", name)
    refused(process, tmp_path)
    assert name in process.stderr


def test_an_override_is_checked_like_the_file(snakemake, tmp_path, campaign_text):
    (tmp_path / "house.yaml").write_text(campaign_text)
    process = snakemake(tmp_path, "--configfile", "house.yaml", "--config", "sampling={structures: -4}")
    refused(process, tmp_path)
    assert "sampling.structures" in process.stderr


@pytest.mark.parametrize("arguments", [(), ("--configfile", "house.yaml", "other.yaml")])
def test_one_campaign_at_a_time(arguments, snakemake, tmp_path, campaign_text):
    for name in ("house.yaml", "other.yaml"):
        (tmp_path / name).write_text(campaign_text)
    process = snakemake(tmp_path, *arguments)
    refused(process, tmp_path)
    assert "snakemake --configfile config/demo.yaml" in process.stderr


def test_without_any_profile_the_workflow_still_refuses(snakemake, tmp_path, campaign_text):
    (tmp_path / "wrong.yaml").write_text(campaign_text.replace("seed: 1", "seed: one"))
    process = snakemake(tmp_path, "--configfile", "wrong.yaml", profiles=False)
    refused(process, tmp_path)
    assert "wrong.yaml:3: sampling.seed" in process.stderr
