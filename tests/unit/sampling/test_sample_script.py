"""scripts/sample.py stopped, killed and with a damaged batch ends with the bytes of an undisturbed run."""

from __future__ import annotations

import json
import os
import random
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lodestone.runtime.checkpoints import SEAL
from lodestone.sampling.packed import unpack
from lodestone.workflow.adapter import typed_settings

pytestmark = pytest.mark.slow

CAMPAIGN = """\
campaign: small
chemical_system: Li-Co-O
sampling: {structures: 24, shard: 24, batch_size: 2, steps: 6, seed: 3, atoms: {max: 6}}
constraints: {volume: {terms: [{kind: volume_per_atom, target: 14.0}], satisfied_within: 1.0}}
guidance: {strengths: [0.1]}
"""


@pytest.fixture(scope="module")
def script(root: Path) -> Path:
    return root / "scripts" / "sample.py"


def paths(folder: Path, arm: str = "control") -> tuple[Path, Path]:
    results = folder / "results" / "small"
    return results / f"arms/{arm}/samples/0000.parquet", results / f"state/{arm}/0000"


def settings(folder: Path, text: str = CAMPAIGN, arm: str = "control") -> dict:
    from lodestone.workflow.adapter import stage_settings

    (folder / "small.yaml").write_text(text)
    return stage_settings("sample", folder / "small.yaml", arm, 0)


def in_process(script: Path, folder: Path, text: str = CAMPAIGN, arm: str = "control") -> bytes:
    """Run the script's main here, where the libraries are loaded already; the shard's bytes."""
    output, state = paths(folder, arm)
    main = runpy.run_path(str(script))["main"]
    main(settings=typed_settings(main, "sample", settings(folder, text, arm)), output=output, state=state)
    assert not (folder / "results/small/state").exists()
    return output.read_bytes()


def interrupted(script: Path, folder: Path, number: signal.Signals) -> tuple[int, str, int]:
    """Run the script as a job until another batch lies there, send it a signal; its exit code and words.

    Signals are ignored in the process that starts it, as in a scheduler's.
    """
    output, state = paths(folder)
    words = f"{script} --config small.yaml --arm control --shard 0 --output {output} --state {state}"
    before = len(batches(folder))
    with subprocess.Popen(
        ["bash", "-c", f"trap '' USR1 USR2 TERM; exec {sys.executable} {words}"],
        cwd=folder, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:  # fmt: skip
        while len(batches(folder)) == before:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.002)
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
    return process.returncode, said, before


def batches(folder: Path) -> list[Path]:
    return sorted(paths(folder)[1].rglob("batch-*.parquet"))


def test_stopped_killed_and_damaged_it_ends_with_the_same_bytes(script: Path, tmp_path: Path) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "disturbed"
    for place in (whole, folder):
        place.mkdir()
    expected = in_process(script, whole)
    settings(folder)

    code, said, _ = interrupted(script, folder, signal.SIGUSR2)
    assert code == 75
    assert "asked to stop (SIGUSR2): stops as soon as its work can be kept" in said
    assert "Traceback" not in said
    kept = {path.name: path.stat().st_mtime_ns for path in batches(folder)}
    assert 1 <= len(kept) < 12
    assert (
        f"stopped as asked (SIGUSR2), {2 * len(kept)} of 24 structures finished" in said
    )  # and maybe a level

    code, said, before = interrupted(script, folder, signal.SIGKILL)
    assert (code, before) == (-signal.SIGKILL, len(kept))
    assert f": {2 * before}/24, " in said  # it went on there
    assert not paths(folder)[0].exists()
    assert kept.items() <= {path.name: path.stat().st_mtime_ns for path in batches(folder)}.items()

    first = batches(folder)[0]
    os.truncate(first, first.stat().st_size // 2)
    assert in_process(script, folder) == expected
    found = json.loads((folder / "results/small/timing/control/0000.json").read_text())
    assert found["device"] == "cpu"
    assert found["structures"] in {24, 26}  # killed between a batch and its timing, that batch is not counted
    assert found["passes"] == found["structures"] * 12
    assert found["seconds"] > 0


LONG = """\
campaign: small
chemical_system: Li-Co-O
sampling: {structures: 4, shard: 4, batch_size: 4, steps: 14, seed: 3, atoms: {max: 6}}
constraints: {volume: {terms: [{kind: volume_per_atom, target: 14.0}], satisfied_within: 1.0}}
guidance: {strengths: [0.1], recurrence: 2, particles: null}
"""
GUIDED = "volume-s0.1"


def level(folder: Path) -> int:
    """The level that is kept of the batch that was begun; -1 where none is."""
    try:
        (path,) = paths(folder, GUIDED)[1].rglob("begun-*.state")
        return unpack(unpack(path.read_bytes()[SEAL:])["loops"][-1].tobytes())["level"]
    except (ValueError, OSError):  # none, or just written over
        return -1


def disturbed(script: Path, folder: Path, number: signal.Signals, at: int) -> tuple[int, str]:
    """Run the script until this level is kept, send it a signal; its exit code and words."""
    output, state = paths(folder, GUIDED)
    words = f"{script} --config small.yaml --arm {GUIDED} --shard 0 --output {output} --state {state}"
    with subprocess.Popen(
        ["bash", "-c", f"trap '' USR1 USR2 TERM; exec {sys.executable} {words}"],
        cwd=folder, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "LODESTONE_SAVE_EVERY": "0"},
    ) as process:  # fmt: skip
        while level(folder) < at:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)  # shorter than a level
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
    return process.returncode, said


def test_killed_and_stopped_inside_its_batch_it_ends_with_the_same_bytes(
    script: Path, tmp_path: Path
) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "disturbed"
    for place in (whole, folder):
        place.mkdir()
    expected = in_process(script, whole, LONG, GUIDED)
    settings(folder, LONG, GUIDED)
    rng, at = random.Random(5), 0
    for number in (signal.SIGKILL, signal.SIGUSR2):
        before, at = level(folder), max(at, level(folder)) + rng.randint(1, 6)
        code, said = disturbed(script, folder, number, at)
        assert code == (-signal.SIGKILL if number == signal.SIGKILL else 75)
        assert at <= level(folder) < 14
        if before > 0:
            assert f"batch 0: continued at level {before} of 14\n" in said
        if code == 75:
            assert f"0 of 4 structures finished, batch 0 at level {level(folder)} of 14; the same" in said
    assert not list(paths(folder, GUIDED)[1].rglob("batch-*.parquet"))
    assert in_process(script, folder, LONG, GUIDED) == expected
    found, alone = (
        json.loads((place / f"results/small/timing/{GUIDED}/0000.json").read_text())
        for place in (folder, whole)
    )
    assert found["passes"] == alone["passes"]
    assert found["seconds"] > 0.5 * alone["seconds"]  # those of all runs together
