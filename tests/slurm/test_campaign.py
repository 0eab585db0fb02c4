"""A whole campaign on the test SLURM with profiles/slurm-test, and one of which a job truly fails."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import polars as pl
import pytest

from snakemake_executor_plugin_submitit.history import jobs

CAMPAIGN = """\
campaign: small
chemical_system: Li-Co-O
model: {{checkpoint: {checkpoint}}}
sampling: {{structures: {structures}, shard: 4, batch_size: 4, steps: 20, seed: 3, atoms: {{max: 6}}}}
constraints:
  volume:
    terms: [{{kind: volume_per_atom, target: 14.0}}]
    satisfied_within: 1.0
guidance:
  strengths: [0.1]
  late: false
  particles: {{count: 2, times: [0.3, 0.1], look_ahead: 3}}
energy: {{batch_size: 4, estimator: {{kind: grace, model: embedded}}}}
report: {{best: 3}}
"""


class Campaign:
    """A folder with the small campaign, and Snakemake in it."""

    def __init__(self, folder, root, slurm, checkpoint="embedded", structures=8):
        self.folder, self.root, self.slurm = folder, root, slurm
        self.log = folder / "snakemake.log"
        self.calls = slurm.counted(folder)
        (folder / "small.yaml").write_text(CAMPAIGN.format(checkpoint=checkpoint, structures=structures))

    def start(self, *arguments):
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(self.root / "workflow/Snakefile")]
        command += ["--configfile", "small.yaml", "--profile", str(self.root / "profiles/slurm-test")]
        with self.log.open("a") as log:
            return subprocess.Popen(
                [*command, *arguments], cwd=self.folder, stdout=log, stderr=log, start_new_session=True,
                env={**self.calls.env, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(self.root / "src")},
            )  # fmt: skip

    def finish(self, *arguments, timeout=580):
        process = self.start(*arguments)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            pytest.fail(f"no end after {timeout} s:\n{self.text[-3000:]}")

    @property
    def text(self):
        return self.log.read_text()

    @property
    def records(self):
        return jobs(self.folder / ".snakemake/submitit")

    def of(self, rule):
        return [record for record in self.records if record.rules == (rule,)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, root, slurm):
    campaign = Campaign(tmp_path_factory.mktemp("whole"), root, slurm)
    code = campaign.finish()
    assert code == 0, campaign.text[-5000:]
    return campaign


def test_the_campaign_ends_with_its_report(whole):
    results = whole.folder / "results/small"
    candidates = pl.read_parquet(results / "candidates.parquet")
    assert candidates.height == 3 * 8
    assert (results / "report.html").stat().st_size > 100_000
    assert not (results / "state").exists()
    assert json.loads((results / "statistics/summary.json").read_text())["arms"]


def test_every_sampling_job_had_a_gpu_of_its_own(whole):
    samples = whole.of("sample")
    assert len(samples) == 6
    assert {record.gpus for record in samples} == {"0", "1"}
    for one in samples:
        for other in samples:
            if one is not other and one.started < other.ended and other.started < one.ended:
                assert one.gpus != other.gpus


def test_only_sampling_and_energies_ask_for_gpus(whole):
    asked = {
        rule for record in whole.records if record.parameters.get("gpus_per_node") for rule in record.rules
    }
    assert asked == {"sample", "energy"}


def test_jobs_of_equal_needs_share_an_sbatch(whole):
    assert len({record.job_id.split("_")[0] for record in whole.of("sample")}) == 1
    submissions = len(re.findall(r'"event": "submitted"', _journal(whole)))
    local = sum(record.cluster == "local" for record in whole.records)
    assert whole.calls.count("sbatch") == submissions - local
    assert whole.calls.count("sbatch") <= 14  # of 35 jobs; later stages become ready one arm at a time


def test_small_stages_of_an_arm_are_one_job(whole):
    curated = [record for record in whole.records if "symmetrize" in record.rules]
    assert [set(record.rules) for record in curated] == [
        {"symmetrize", "screen", "deduplicate", "novelty"}
    ] * 3
    assert {"references"} == {
        r for record in whole.records if record.cluster == "local" for r in record.rules
    }


def test_a_second_call_has_nothing_to_do(whole):
    before = whole.calls.count("sbatch")
    assert whole.finish() == 0
    assert "Nothing to be done" in whole.text
    assert whole.calls.count("sbatch") == before


def test_a_job_that_truly_fails_is_reported_once_and_only_it_is_done_again(tmp_path, root, slurm):
    """The first of three sampling jobs finds a broken checkpoint, which is then mended."""
    model = tmp_path / "model"
    shutil.copytree(root / "src/lodestone/embedded/mattergen", model)
    weights = model / "checkpoints/last.ckpt"
    good = weights.read_bytes()
    campaign = Campaign(tmp_path, root, slurm, checkpoint=model, structures=4)
    process = campaign.start("--until", "sample", "--submitit-array-parallelism", "1")
    until(lambda: campaign.of("sample"), campaign)
    weights.write_bytes(good[:1000])
    until(lambda: "Error in rule sample" in campaign.text, campaign)
    weights.write_bytes(good)
    assert process.wait(400) == 1
    assert len(re.findall(r"Error in rule sample", campaign.text)) == 1
    (failed,) = [record for record in campaign.of("sample") if record.state == "failed"]
    assert str(failed.log) in campaign.text
    said = re.search(r"exit code 1; .* the last line of (\S+): (.*)", campaign.text)
    assert said.group(1).endswith(".log")
    assert "sample" in said.group(1)
    assert "last.ckpt" in said.group(2) or "Error" in said.group(2)
    assert sorted(record.state for record in campaign.of("sample")) == ["failed"] + ["succeeded"] * 2
    assert campaign.finish("--until", "sample") == 0, campaign.text[-3000:]
    again = campaign.of("sample")[3:]
    assert [(record.key, record.state) for record in again] == [(failed.key, "succeeded")]


def until(reached, campaign, timeout=200):
    limit = time.monotonic() + timeout
    while not reached():
        assert time.monotonic() < limit, campaign.text[-3000:]
        time.sleep(0.05)


def _journal(campaign):
    return (campaign.folder / ".snakemake/submitit/journal.jsonl").read_text()
