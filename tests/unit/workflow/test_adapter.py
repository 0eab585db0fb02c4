"""Scripts inside a rule and from a shell, by real Snakemake runs and real processes."""

import json
import os
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow

SCRIPT = '''\
"""A script like those of the rules."""
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any


def main(
    *, tables: list[Path], one: Path, settings: dict[str, Any], output: Path, state: Path, size: int = 3
) -> None:
    """Write down what arrived."""
    if settings.get("fail") == "config":
        from lodestone.config import ConfigError
        raise ConfigError("wrong.yaml:3: key: is wrong; allowed: right")
    if settings.get("fail"):
        raise ValueError(settings["fail"])
    print("working: 1/2", file=sys.stderr)
    os.write(2, b"noise of a library\\n")
    given = {"tables": tables, "one": one, "settings": settings, "state": state, "size": size}
    given["kinds"] = [type(p).__name__ for p in (*tables, one, state)]
    from lodestone.runtime.remembered import remembered
    known = remembered("x", "gpu")
    given["known"] = known and known.path
    given["threads"] = os.environ["OMP_NUM_THREADS"]
    if settings.get("torch"):
        from lodestone.runtime.device import for_torch
        given["device"] = for_torch()
    output.write_text(json.dumps(given, default=str))


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
'''
SNAKEFILE = """
rule measure:
    input:
        tables=[{tables}],
        one="one",
    output:
        output="out.json",
    log:
        "logs/measure.log",
    params:
        settings={settings},
        state="state/x",
        code="abc",
        {extra}
    threads: 2
    script:
        "measure.py"
"""


@pytest.fixture
def rule(tmp_path):
    """Run a rule around the script above; returns the process."""

    def call(settings, tables='"a", "b"', extra="", *arguments, **variables):
        for name in ("a", "b", "one"):
            (tmp_path / name).touch()
        (tmp_path / "measure.py").write_text(SCRIPT)
        text = SNAKEFILE.format(settings=settings, tables=tables, extra=extra)
        (tmp_path / "Snakefile").write_text(text)
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--scheduler", "greedy"]
        return subprocess.run(
            [*command, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False,
            env={"CUDA_VISIBLE_DEVICES": "", **os.environ, **variables},
        )  # fmt: skip

    return call


def test_arguments_arrive_by_name_and_kind_with_threads_and_log(rule, tmp_path):
    process = rule({"a": {"b": [1, None]}})
    assert process.returncode == 0, process.stderr
    given = json.loads((tmp_path / "out.json").read_text())
    assert given["tables"] == ["a", "b"]
    assert given["one"] == "one"
    assert given["settings"] == {"a": {"b": [1, None]}}
    assert set(given["kinds"]) == {"PosixPath"}
    assert (given["state"], given["size"], given["threads"]) == ("state/x", 3, "2")
    assert given["known"] == "batch_sizes/measure-x-gpu.json"
    log = (tmp_path / "logs/measure.log").read_text()
    assert "working: 1/2" in log
    assert "noise of a library" in log
    assert "working: 1/2" in process.stderr
    assert "noise of a library" not in process.stderr


def test_the_log_tells_the_threads_and_where_they_are_from(rule, tmp_path):
    assert rule({}).returncode == 0
    assert "threads: 2, as its rule says" in (tmp_path / "logs/measure.log").read_text()
    assert "device: no GPU is asked for" in (tmp_path / "logs/measure.log").read_text()


@pytest.mark.parametrize(
    ("threads", "own", "usable", "told"),
    [
        (2, 2, 4, "threads: 2, as its rule says"),
        (2, None, 2, "threads: 2, as its rule says"),
        (8, 1, 8, "threads: 8, from set-threads, as of the profile; its rule says 1"),
        (1, 2, 1, "threads: 1, from set-threads, or no more cores were given (--cores); its rule says 2"),
        (8, 8, 4, "threads: 8, as its rule says; only 4 CPUs are usable, which slows it down"),
    ],
)
def test_threads_in_words(threads, own, usable, told):
    from lodestone.workflow.adapter import threads_in_words

    assert threads_in_words(threads, own, usable) == told


NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}


def test_a_job_that_asked_for_a_gpu_and_sees_none_fails_in_seconds_with_the_remedy(rule, tmp_path):
    begin = time.monotonic()
    process = rule({"torch": True}, '"a"', "", "--set-resources", "measure:gpus=1", **NO_GPU)
    assert time.monotonic() - begin < 60  # Snakemake's own start included
    assert process.returncode != 0
    assert not (tmp_path / "out.json").exists()
    log = (tmp_path / "logs/measure.log").read_text()
    assert "device: a GPU, as the job asks for gpus=1; CUDA_VISIBLE_DEVICES=" in log
    told = log.splitlines()[-1]  # the line that the executor shows
    assert told.startswith("a GPU is asked for, but ")
    assert "make setup DEVICE=cuda" in told or "CUDA_VISIBLE_DEVICES" in told
    assert "export LODESTONE_DEVICE=cpu" in told
    assert "Traceback" not in process.stderr + log


def test_the_user_s_word_for_cpus_wins_over_the_gpu_of_the_profile(rule, tmp_path):
    asked = ("--set-resources", "measure:gpus=1")
    process = rule({"torch": True}, '"a"', "", *asked, **NO_GPU, LODESTONE_DEVICE="cpu")
    assert process.returncode == 0, process.stderr
    assert json.loads((tmp_path / "out.json").read_text())["device"] == "cpu"
    said = "device: cpu, as LODESTONE_DEVICE says, though the job asks for gpus=1"
    assert said in (tmp_path / "logs/measure.log").read_text()


def test_a_job_that_asks_for_no_gpu_goes_on_without(rule, tmp_path):
    assert rule({"torch": True}, '"a"', **NO_GPU).returncode == 0
    assert json.loads((tmp_path / "out.json").read_text())["device"] == "cpu"


def test_a_wrong_word_for_the_device_is_refused(rule):
    process = rule({}, LODESTONE_DEVICE="gpu0")
    assert process.returncode != 0
    assert "LODESTONE_DEVICE is 'gpu0'; allowed: auto, cpu, cuda" in process.stderr


def test_a_list_of_one_stays_a_list(rule, tmp_path):
    assert rule({}, tables='"a"').returncode == 0
    assert json.loads((tmp_path / "out.json").read_text())["tables"] == ["a"]


def test_a_failure_is_one_line_on_the_terminal_and_a_traceback_in_the_log(rule, tmp_path):
    process = rule({"fail": "the cell is flat"})
    assert process.returncode != 0
    assert "ValueError: the cell is flat (traceback in logs/measure.log)" in process.stderr
    assert "Traceback" not in process.stderr
    assert "Traceback" in (tmp_path / "logs/measure.log").read_text()


def test_a_wrong_campaign_is_told_without_traceback(rule, tmp_path):
    process = rule({"fail": "config"})
    assert process.returncode != 0
    assert "wrong.yaml:3: key: is wrong; allowed: right" in process.stderr
    assert "Traceback" not in process.stderr + (tmp_path / "logs/measure.log").read_text()


def test_a_rule_that_disagrees_with_its_script_is_named(rule):
    process = rule({}, extra="cutoff=2.6,")
    assert process.returncode != 0
    assert "rule measure and its script disagree: unknown ['cutoff'], missing []" in process.stderr


CAMPAIGN = """\
campaign: house
chemical_system: Li-Co-O
sampling: {structures: 8, shard: 4}
constraints: {volume: {terms: [{kind: volume_per_atom, target: 14.0}], satisfied_within: 1.0}}
guidance: {strengths: [0.1]}
"""


@pytest.fixture
def shell(tmp_path):
    """Call the script from a shell as scripts/<name>.py."""
    (tmp_path / "house.yaml").write_text(CAMPAIGN)

    def call(name, *arguments):
        script = tmp_path / f"{name}.py"
        script.write_text(SCRIPT)
        files = ["--tables", "a", "b", "--one", "one", "--output", str(tmp_path / "out.json"), "--state", "s"]
        command = [sys.executable, str(script), *files, *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return call


def test_a_shell_gives_the_same_arguments_and_the_stage_s_settings(shell, tmp_path):
    from lodestone.config import load_campaign
    from lodestone.workflow.stages import settings

    process = shell("screen", "--config", "house.yaml", "--size", "7")
    assert process.returncode == 0, process.stderr
    given = json.loads((tmp_path / "out.json").read_text())
    assert given["size"] == 7
    expected = settings("screen", load_campaign(tmp_path / "house.yaml"))
    assert given["settings"] == json.loads(json.dumps(expected))


def test_a_shell_names_the_arm_and_the_shard(shell, tmp_path):
    assert shell("sample", "--config", "house.yaml", "--arm", "control", "--shard", "1").returncode == 0
    given = json.loads((tmp_path / "out.json").read_text())["settings"]
    assert given["arm"]["name"] == "control"
    assert given["shard"]["first"] == 4


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--config", "none.yaml"), "none.yaml"),
        (
            ("--config", "house.yaml", "--arm", "volume"),
            "allowed: unguided, control, volume-s0.1, volume-late",
        ),
        (("--config", "house.yaml", "--arm", "control", "--shard", "9"), "allowed: 0 to 1"),
    ],
)
def test_a_shell_gets_exit_code_2_for_a_wrong_campaign_arm_or_shard(shell, arguments, told):
    process = shell("sample", *arguments)
    assert process.returncode == 2
    assert told in process.stderr
    assert "Traceback" not in process.stderr


def test_the_job_s_threads_win_over_the_shell_s(monkeypatch):
    from lodestone.workflow.adapter import THREAD_VARIABLES, set_threads

    for variable in THREAD_VARIABLES:
        monkeypatch.setenv(variable, "32")
    set_threads(2)
    assert {os.environ[variable] for variable in THREAD_VARIABLES} == {"2"}


def test_stderr_is_itself_again_after_a_job(tmp_path):
    code = (
        "import sys, os; from pathlib import Path; from lodestone.workflow.adapter import logged_to\n"
        "with logged_to(Path('x.log')): print('inside', file=sys.stderr); os.write(2, b'raw\\n')\n"
        "print('after', file=sys.stderr); os.write(2, b'raw after\\n')\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert process.stderr == "inside\nafter\nraw after\n"
    assert (tmp_path / "x.log").read_text() == "inside\nraw\n"


def test_a_log_on_a_full_disk_is_given_up_and_the_terminal_still_hears_everything(tmp_path):
    code = (
        "import sys, os; from pathlib import Path\n"
        "from lodestone.workflow.adapter import guarded, logged_to\n"
        "def fail(): raise ValueError('the cell is flat')\n"
        "with logged_to(Path('full.log')):\n"
        "    for i in range(3): print('line', i, file=sys.stderr, flush=True)\n"
        "    print('x' * 20000, file=sys.stderr)\n"
        "    code = guarded(fail)\n"
        "raise SystemExit(code)\n"
    )
    (tmp_path / "full.log").symlink_to("/dev/full")
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert process.returncode == 1
    assert process.stderr.startswith("line 0\nline 1\nline 2\nxxx")
    assert process.stderr.endswith("\nValueError: the cell is flat (traceback in full.log)\n")
    assert "OSError" not in process.stderr


def test_without_a_place_for_its_log_a_job_runs_all_the_same(tmp_path):
    (tmp_path / "logs").write_text("a file in the way")
    code = (
        "import sys; from pathlib import Path; from lodestone.workflow.adapter import logged_to\n"
        "with logged_to(Path('logs/x.log')): print('inside', file=sys.stderr)\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    told, inside = process.stderr.splitlines()
    assert told.startswith("no log in logs/x.log (")
    assert inside == "inside"
