"""What an edit reruns, by Snakemake's own account on a finished campaign."""

import pytest

ENDING = {"analyse": 1, "record": 1, "report": 1, "figures": 1}
AFTER_DUPLICATES = {"deduplicate": 4, "novelty": 4, **ENDING}
AFTER_ENERGIES = {"energy": 4, "hull": 1, **ENDING}
AFTER_SCREEN = {"screen": 4, **AFTER_DUPLICATES, **AFTER_ENERGIES}
AFTER_REFERENCES = {"references": 1, "reference_energy": 1, "novelty": 4, "hull": 1, **ENDING}
ALONE = {
    "symmetrize": {"symmetrize": 4, **AFTER_SCREEN},
    "screen": AFTER_SCREEN,
    "deduplicate": AFTER_DUPLICATES,
    "novelty": {"novelty": 4, **ENDING},
    "energy": AFTER_ENERGIES,
    "references": AFTER_REFERENCES,
    "reference_energy": {"reference_energy": 1, "hull": 1, **ENDING},
    "hull": {"hull": 1, **ENDING},
    "measure": {"measure": 4, "relax": 4, **ENDING},
    "relax": {"relax": 4, **ENDING},
    "analyse": ENDING,
    "report": {"report": 1},
    "figures": {"figures": 1},
}
"""The jobs of a stage that is made again, and of what follows from it."""
EDITS = {
    "symmetrize: {max_displacement: 0.2}": ALONE["symmetrize"],
    "novelty: {threshold: 0.2}": ALONE["novelty"],
    "hull: {shown_below: 0.2}": ENDING,
    "energy: {relax: {steps: 20}}": ALONE["relax"],
}
"""A key more in the campaign file, and the jobs that it makes again; the last three show every key."""


@pytest.fixture
def planned(finished, snakemake, jobs, campaign_text):
    """Jobs of a dry run with the campaign file edited; the file is put back."""

    def plan(*arguments, edit=lambda text: text):
        file = finished / "house.yaml"
        file.write_text(edit(campaign_text))
        try:
            return jobs(snakemake(finished, "--configfile", "house.yaml", "-n", *arguments, house=finished))
        finally:
            file.write_text(campaign_text)

    return plan


def replaced(old, new):
    def edit(text):
        assert old in text
        return text.replace(old, new)

    return edit


def test_nothing_runs_twice(planned):
    assert planned() == {}


def test_comments_and_layout_of_the_campaign_file_rerun_nothing(planned):
    edit = replaced("deduplicate: {threshold: 0.10}", "# how alike\ndeduplicate:\n  threshold: 0.1  # of 1\n")
    assert planned(edit=edit) == {}


def test_a_key_of_one_stage_reruns_it_and_what_follows(planned):
    assert planned(edit=replaced("threshold: 0.10", "threshold: 0.12")) == AFTER_DUPLICATES


@pytest.mark.parametrize("stage", ALONE)
def test_forcerun_reruns_the_stage_and_what_follows(planned, stage):
    assert planned("--forcerun", stage) == ALONE[stage]


@pytest.mark.parametrize("key", EDITS)
def test_an_edit_reruns_the_stages_that_it_touches(planned, key):
    assert planned(edit=lambda text: f"{text}{key}\n") == EDITS[key]


def test_a_setting_of_the_report_reruns_no_science(planned):
    assert set(planned("--config", "report={best: 5}")) <= {"analyse", "record", "report", "figures"}


def test_another_seed_samples_everything_anew_but_keeps_the_references(planned):
    again = planned(edit=replaced("seed: 1", "seed: 2"))
    assert again["sample"] == 7  # a lineage of eight particles is not cut: the guided arm is one shard
    assert "references" not in again
    assert "reference_energy" not in again


def test_more_strengths_keep_the_arms_that_are_there(planned):
    again = planned(edit=replaced("strengths: [0.1]", "strengths: [0.05, 0.1]"))
    assert again["sample"] == 1
    assert again["relax"] == 1


def test_comments_in_scripts_rerun_nothing_but_code_reruns_a_cheap_stage(finished, planned):
    scripts = {name: finished / "scripts" / f"{name}.py" for name in ("sample", "deduplicate")}
    texts = {name: path.read_text() for name, path in scripts.items()}
    try:
        for name, path in scripts.items():
            path.write_text(f"{texts[name]}# a remark\n")
        assert planned() == {}
        for name, path in scripts.items():
            path.write_text(f"{texts[name]}REMARK = 1\n")
        assert planned() == AFTER_DUPLICATES
    finally:
        for name, path in scripts.items():
            path.write_text(texts[name])


def test_an_edit_of_a_module_reruns_its_stage_but_a_comment_does_not(finished, planned):
    module = finished / "src/lodestone/curation/duplicates.py"
    text = module.read_text()
    try:
        module.write_text(f"{text}\n# a remark\n")
        assert planned() == {}
        module.write_text(f"{text}\nREMARK = 1\n")
        assert planned() == AFTER_DUPLICATES
    finally:
        module.write_text(text)


def test_a_lost_answer_is_made_again_and_nothing_else(finished, planned):
    lost = finished / "results/house/report.html"
    kept = lost.rename(lost.with_suffix(".kept"))
    try:
        assert planned() == {"report": 1}
    finally:
        kept.rename(lost)
