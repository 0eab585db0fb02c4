"""A stage of every arm is six files, as CONTRIBUTING says, and the rest of the house then knows it."""

import os
import shutil
import subprocess
import sys

import polars as pl
import pytest

LIBRARY = '''\
"""How many atoms each structure has."""

from __future__ import annotations

import polars as pl


def tally(rows: pl.DataFrame, more: int) -> pl.DataFrame:
    """One row per structure: `tallied`, its number of atoms and `more`."""
    return rows.select("id", tallied=pl.col("numbers").list.len().cast(pl.Int64) + more)
'''
SCRIPT = '''\
"""Count the atoms of every structure of an arm."""

from pathlib import Path
from typing import Any


def main(*, symmetrized: Path, settings: dict[str, Any], output: Path) -> None:
    """Write one row per structure, in the same order."""
    from lodestone.curation.tally import tally
    from lodestone.structures.table import read_table, write_table

    write_table(tally(read_table(symmetrized), settings["more"]), output)


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
'''
RULE = '''\
rule tally:
    """Count the atoms of every structure of an arm."""
    input:
        symmetrized=PATHS.stage("{arm}", "symmetrized"),
    output:
        output=PATHS.stage("{arm}", "tallied"),
    log:
        LODESTONE.log("tally", "arm"),
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=LODESTONE.settings("tally"),
        code=LODESTONE.code("tally"),
    message:
        "tally {wildcards.arm}"
    script:
        "../scripts/tally.py"
'''
ENTRY = """\
    Stage(
        name="tally",
        table=_stage_table("tallied"),
        per=Per.ARM,
        needs=("symmetrize",),
        settings=lambda campaign: {"more": campaign.sampling.seed},
        code=("curation/tally.py",),
    ),
"""
EDITS = {
    "src/lodestone/workflow/stages.py": (
        '    Stage(\n        name="screen",\n',
        ENTRY + '    Stage(\n        name="screen",\n',
    ),
    "workflow/Snakefile": (
        'include: "../rules/screen.smk"\n',
        'include: "../rules/tally.smk"\ninclude: "../rules/screen.smk"\n',
    ),
    "rules/analyse.smk": (
        "        PATHS.references,\n",
        '        LODESTONE.tables("tallied"),\n        PATHS.references,\n',
    ),
}
MADE = {"src/lodestone/curation/tally.py": LIBRARY, "scripts/tally.py": SCRIPT, "rules/tally.smk": RULE}


@pytest.fixture(scope="module")
def extended(tmp_path_factory, root, campaign_text):
    """A copy of the house with one stage more."""
    folder = tmp_path_factory.mktemp("extended")
    for name in ("workflow", "rules", "scripts", "profiles", "src/lodestone"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in MADE.items():
        (folder / name).write_text(text)
    for name, (old, new) in EDITS.items():
        text = (folder / name).read_text()
        assert text.count(old) == 1, name
        (folder / name).write_text(text.replace(old, new))
    (folder / "house.yaml").write_text(campaign_text)
    return folder


@pytest.fixture(scope="module")
def command(extended):
    def call(*arguments):
        environment = {**os.environ, "PYTHONPATH": str(extended / "src")}
        process = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=extended, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert process.returncode == 0, process.stderr
        return process.stdout + process.stderr

    return call


def test_it_is_a_matter_of_six_files():
    assert len(MADE) + len(EDITS) == 6


def test_snakemake_plans_it_for_every_arm(extended, snakemake, jobs, arm_names):
    planned = jobs(snakemake(extended, "--configfile", "house.yaml", "-n", house=extended))
    assert planned["tally"] == len(arm_names)
    assert planned["analyse"] == 1


def test_the_commands_know_it(command):
    status = command("-m", "lodestone", "status", "house.yaml")
    assert status.count("tally") >= 1
    assert command("-m", "lodestone", "plan", "house.yaml", "--profile", "profiles/slurm").count("tally") >= 1


def test_it_runs_and_an_edit_of_its_code_or_settings_makes_it_again(extended, snakemake, jobs, campaign_text):
    arm = extended / "results" / "house" / "arms" / "control"
    rows = pl.DataFrame(
        {
            "id": ["a"],
            "numbers": [[3, 8]],
            "cell": [[3.0, 0, 0, 0, 3, 0, 0, 0, 3]],
            "frac": [[0.0] * 3 + [0.5] * 3],
        },
        schema_overrides={"numbers": pl.List(pl.Int16)},
    )
    arm.mkdir(parents=True)
    rows.write_parquet(arm / "symmetrized.parquet")
    target = "results/house/arms/control/tallied.parquet"
    config = ("--configfile", "house.yaml")
    alone = ("--allowed-rules", "tally", "--")
    made = snakemake(extended, *config, *alone, target, house=extended)
    assert made.returncode == 0, made.stderr
    assert pl.read_parquet(extended / target)["tallied"].to_list() == [3]

    def planned():
        return jobs(snakemake(extended, *config, "-n", *alone, target, house=extended)).get("tally", 0)

    assert planned() == 0
    library = extended / "src" / "lodestone" / "curation" / "tally.py"
    library.write_text(LIBRARY.replace("+ more", "+ 2 * more"))
    assert planned() == 1
    library.write_text(LIBRARY + "# a comment makes nothing again\n")
    assert planned() == 0
    (extended / "house.yaml").write_text(campaign_text.replace("seed: 1", "seed: 2"))
    assert planned() == 1
