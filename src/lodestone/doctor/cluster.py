"""Looks whether the cluster of a profile can do a campaign: asks SLURM, then a small job on a node."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lodestone.config.campaign import Campaign
from lodestone.doctor.gpus import gpus
from lodestone.doctor.installation import Check, needed
from lodestone.doctor.job import Sent, judged, send
from lodestone.operations.arrays import arrays, asked, submission
from lodestone.operations.profile import Profile
from lodestone.workflow.jobs import Needs

COMMANDS = ("sbatch", "squeue", "srun", "scontrol", "scancel")
TIMEOUT = 30.0  # seconds for one command
UNLIMITED = float("inf")
Ask = Callable[[Sequence[str]], tuple[int, str]]
"""Exit code and output of a command."""


def ask(command: Sequence[str]) -> tuple[int, str]:
    """Run a command of SLURM; what it prints on either stream."""
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return 127, str(error)
    return found.returncode, (found.stdout + found.stderr).strip()


def commands(which: Callable[[str], str | None] = shutil.which) -> Iterator[Check]:
    """Whether SLURM's commands can be called."""
    lacking = [name for name in COMMANDS if which(name) is None]
    if lacking:
        remedy = (
            "run where SLURM's commands are (a login node), or load its module; or submitit-cluster: local"
        )
        yield Check("SLURM", "missing", f"no command {', '.join(lacking)}", remedy)
    else:
        yield Check("SLURM", "good", f"{', '.join(COMMANDS)}, as {which('sbatch')}")


def controller(call: Ask = ask) -> Iterator[Check]:
    """Whether the controller answers."""
    code, text = call(("scontrol", "ping"))
    first = (text.splitlines() or [""])[0]
    if code == 0 and "is UP" in text:
        yield Check("controller", "good", first)
    else:
        remedy = "wait for it, or ask those who run the cluster; jobs that run are not lost"
        yield Check("controller", "missing", first or "no answer to scontrol ping", remedy)


def configuration(profile: Profile, call: Ask = ask) -> Iterator[Check]:
    """Whether arrays may be as large as the profile makes them, and whether accounting is kept."""
    code, text = call(("scontrol", "show", "config"))
    if code:
        yield Check("configuration", "odd", f"scontrol show config: {_first(text)}")
        return
    values = dict(re.findall(r"^(\w+) *= *(.*)$", text, re.MULTILINE))
    yield _arrays(values.get("MaxArraySize", ""), profile)
    storage = values.get("AccountingStorageType", "")
    kept = storage not in {"", "(null)", "accounting_storage/none"}
    how = "kept" if kept else "not kept, and not needed"
    yield Check("accounting", "good", f"{how} ({storage or 'not set'})")


def _arrays(most: str, profile: Profile) -> Check:
    if not most.isdigit():
        return Check("arrays", "odd", "the cluster does not tell MaxArraySize")
    found = f"submitit-array-limit {profile.array_limit}, MaxArraySize {most}"
    if profile.array_limit < int(most):
        return Check("arrays", "good", found)
    if int(most) < 2:
        return Check("arrays", "missing", found, "the cluster allows no arrays; ask those who run it")
    remedy = f"submitit-array-limit: {int(most) - 1} in {profile.path}"
    return Check("arrays", "missing", found, remedy)


def partitions(wanted: Mapping[str | None, int], profile: Profile, call: Ask = ask) -> Iterator[Check]:
    """Whether the partitions are there, open, and allow the minutes that are asked of them.

    `wanted` are minutes by partition; None stands for the cluster's default.
    """
    code, text = call(("scontrol", "--oneliner", "show", "partition"))
    if code:
        yield Check("partitions", "odd", f"scontrol show partition: {_first(text)}")
        return
    known = {row["PartitionName"]: row for row in map(_fields, text.splitlines()) if "PartitionName" in row}
    for name, minutes in wanted.items():
        yield partition(name, minutes, known, profile)


def partition(
    name: str | None, minutes: int, known: Mapping[str, Mapping[str, str]], profile: Profile
) -> Check:
    """The same for one partition, from what scontrol says of all; pure."""
    there = ", ".join(known)
    name = name or next((one for one, row in known.items() if row.get("Default") == "YES"), None)
    if name is None:
        remedy = f"submitit-partition in {profile.path}; there are: {there}"
        return Check("partition", "missing", "none is asked for, and the cluster has no default", remedy)
    title = f"partition {name}"
    row = known.get(name)
    if row is None:
        remedy = f"slurm_partition in {profile.path}; there are: {there}"
        return Check(title, "missing", "the cluster has no such partition", remedy)
    if row.get("State") != "UP":
        remedy = f"another slurm_partition in {profile.path}, or wait"
        return Check(title, "missing", f"its state is {row.get('State')}", remedy)
    limit = minutes_of(row.get("MaxTime", ""))
    found = f"UP, allows {row.get('MaxTime')}, {minutes} min are asked for"
    if minutes > limit:
        return Check(title, "missing", found, f"runtime: {limit:.0f} or less in {profile.path}")
    return Check(title, "good", found)


def minutes_of(text: str) -> float:
    """Minutes of a time as SLURM writes it: 30, 30:00, 12:00:00, 7-00:00:00, UNLIMITED."""
    match = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", text)
    if match is None:
        return UNLIMITED
    days, first, second, third = (int(part) if part else 0 for part in match.groups())
    if match.group(1) or match.group(4):  # hours come first
        return 1440 * days + 60 * first + second + third / 60
    return first + second / 60


def _fields(line: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in line.split() if "=" in word)


def _first(text: str) -> str:
    return (text.splitlines() or ["no answer"])[0]


WAIT = 120.0
"""Seconds that a job may wait for its start."""


def examine(
    profile: Profile,
    rules: Mapping[str, Needs],
    campaign: Campaign | None = None,
    *,
    results: Path = Path("results"),
    wait: float = WAIT,
) -> Iterator[Check]:
    """Every check of the cluster, in order; what cannot be asked for want of another is left out.

    Raises:
        ProfileError: a rule would ask for what cannot be asked.
    """
    sampling = submission(asked("sample", profile, rules), "sample", profile)
    yield Check(
        "profile", "odd" if profile.remarks else "good", "; ".join((str(profile.path), *profile.remarks))
    )
    yield from gpus(profile, rules, campaign)
    if profile.cluster == "slurm":
        for step in (commands, controller):
            checks = list(step())
            yield from checks
            if any(check.state == "missing" for check in checks):
                return
        yield from configuration(profile)
        yield from partitions(minutes(profile, rules, campaign), profile)
    yield from probe(profile, sampling, campaign, results, wait)


def minutes(profile: Profile, rules: Mapping[str, Needs], campaign: Campaign | None) -> dict[str | None, int]:
    """The longest time limit that is asked of each partition."""
    if campaign is not None:
        found = [array.parameters for array in arrays(campaign, profile, rules) if not array.here]
    else:
        away = [rule for rule in rules if rule not in profile.here]
        found = [submission(asked(rule, profile, rules), rule, profile) for rule in away]
    longest: dict[str | None, int] = {}
    for parameters in found:
        for name in str(parameters.get("slurm_partition") or "").split(","):
            longest[name or None] = max(longest.get(name or None, 0), int(parameters["timeout_min"]))
    return longest


def probe(
    profile: Profile, parameters: Mapping[str, Any], campaign: Campaign | None, results: Path, wait: float
) -> Iterator[Check]:
    """Send the job, and judge what it saw."""
    files = needed(campaign) if campaign else {}
    for name, (path, remedy) in files.items():
        if path is None or not path.is_file():
            yield Check(name, "missing", f"no file {path}" if path else "nowhere on this machine", remedy)
    there = {str(path): name for name, (path, _) in files.items() if path is not None and path.is_file()}
    sent: Sent = send(profile, parameters, results, tuple(there), wait)
    yield sent.check
    if sent.answer is not None:
        yield from judged(sent.answer, parameters, there, str(sent.nonce))
