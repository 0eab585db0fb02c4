"""What the log of a job says about its threads, for the rules of the house."""

from types import SimpleNamespace

from lodestone.workflow.adapter import given_to


def test_set_threads_of_the_profile_are_told_beside_what_the_rule_says(root, monkeypatch):
    monkeypatch.setenv("LODESTONE_DEVICE", "auto")
    job = SimpleNamespace(rule="relax", threads=8, scriptdir=str(root / "scripts"), resources={})
    assert given_to(job).startswith("threads: 8, from set-threads, as of the profile; its rule says 1")
    job.threads = 1
    assert given_to(job).startswith("threads: 1, as its rule says")
    job.scriptdir = "/nowhere/scripts"
    job.threads = 8
    assert given_to(job).startswith("threads: 8, as its rule says")
