"""A campaign of a thousand arms is planned; how long that takes is in docs/scaling.md."""

import re
import subprocess
import sys

import pytest

ARMS = 20 * 49 + 20 + 2


@pytest.fixture
def thousand(tmp_path):
    strengths = ", ".join(f"{0.01 * (i + 1):.2f}" for i in range(49))
    lines = [
        "campaign: thousand",
        "chemical_system: Li-Co-O",
        "sampling: {structures: 8, shard: 8, seed: 1, atoms: {max: 8}}",
        f"guidance: {{late: true, strengths: [{strengths}]}}",
        "constraints:",
    ]
    for i in range(20):
        term = f"{{kind: volume_per_atom, target: {10 + i / 2}}}"
        lines.append(f"  volume_{i}: {{terms: [{term}], satisfied_within: 1.0}}")
    (tmp_path / "thousand.yaml").write_text("\n".join(lines))
    return tmp_path


def test_a_thousand_arms_are_planned_with_all_their_jobs(thousand, root, slurm):
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(root / "workflow/Snakefile")]
    command += ["--configfile", "thousand.yaml", "--profile", str(root / "profiles/slurm"), "-n"]
    done = subprocess.run(command, cwd=thousand, env=slurm.env, capture_output=True, text=True, check=True)
    listed = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout + done.stderr, re.MULTILINE))
    assert int(listed["sample"]) == ARMS
    assert int(listed["total"]) > 8 * ARMS
