"""A profile of Snakemake as far as it decides what SLURM is asked for: its file, read and checked."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lodestone.operations.profile_values import ProfileError, Values
from lodestone.text import did_you_mean

NAMES = ("config.v9+.yaml", "config.v8+.yaml", "config.yaml")
"""Files that Snakemake 9 reads of a profile's folder; the first that is there."""
SUBMITIT = "submitit-"
NUMBERS = {
    "array-limit": (1000, 1),
    "array-parallelism": (256, 1),
    "signal-delay": (120, 5),
    "max-timeouts": (20, 0),
    "missing-grace": (30, 0),
    "here-parallel": (2, 1),
}
"""Numbers among the executor's settings: default and least; a test compares them with the executor's."""
OTHERS = {"cluster", "folder", "partition", "account", "qos", "no-adopt", "setup", "here"}


@dataclass
class Profile:
    """What a profile says about jobs on a cluster."""

    path: Path
    cluster: str = "slurm"
    """slurm, or local for processes of this machine."""
    jobs: float = math.inf
    """The most jobs that are submitted at the same time."""
    default_resources: Mapping[str, Any] = field(default_factory=dict)
    set_resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    set_threads: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    """Group of each rule that has one."""
    group_components: Mapping[str, int] = field(default_factory=dict)
    array_limit: int = 1000
    array_parallelism: int = 256
    signal_delay: int = 120
    max_timeouts: int = 20
    here: tuple[str, ...] = ()
    """Rules that run on the machine that runs Snakemake."""
    here_parallel: int = 2
    folder: Path = Path(".snakemake/submitit")
    setup: list[str] = field(default_factory=list)
    partition: str = ""
    """Of jobs whose resources name none, as the next two."""
    account: str = ""
    qos: str = ""
    remarks: tuple[str, ...] = ()
    """What in it has no effect."""


def read_profile(path: Path, rules: Collection[str]) -> Profile:
    """The profile in a folder or file, for a workflow of these rules.

    Raises:
        ProfileError: there is none, or it is wrong.
    """
    file = _file(path)
    return profile(file, _content(file), rules)


def profile(file: Path, content: Mapping[str, Any], rules: Collection[str]) -> Profile:
    """The same from what stands in the file; pure."""
    values = Values(file, content)
    executor = content.get("executor")
    if executor != "submitit":
        raise values.wrong("executor", executor, "submitit (this command looks at jobs on a cluster)")
    number = {
        name: values.number(f"{SUBMITIT}{name}", default, least) for name, (default, least) in NUMBERS.items()
    }
    cluster = content.get(f"{SUBMITIT}cluster", "slurm")
    if cluster not in {"slurm", "local"}:
        raise values.wrong(f"{SUBMITIT}cluster", cluster, "slurm or local")
    found = Profile(
        path=file,
        cluster=cluster,
        jobs=values.jobs(),
        default_resources=values.resources("default-resources"),
        set_resources={
            rule: values.amounts(f"set-resources: {rule}", given)
            for rule, given in values.nested("set-resources").items()
        },
        set_threads=values.numbers("set-threads"),
        groups={str(rule): str(group) for rule, group in values.mapping("groups").items()},
        group_components=values.numbers("group-components"),
        here=tuple(values.words(f"{SUBMITIT}here")),
        folder=Path(str(content.get(f"{SUBMITIT}folder", ".snakemake/submitit"))),
        setup=values.words(f"{SUBMITIT}setup"),
        partition=str(content.get(f"{SUBMITIT}partition", "")),
        account=str(content.get(f"{SUBMITIT}account", "")),
        qos=str(content.get(f"{SUBMITIT}qos", "")),
        array_limit=number["array-limit"],
        array_parallelism=number["array-parallelism"],
        signal_delay=number["signal-delay"],
        max_timeouts=number["max-timeouts"],
        here_parallel=number["here-parallel"],
    )
    return replace(found, remarks=tuple(_remarks(found, content, rules)))


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    for name in NAMES:
        if (path / name).is_file():
            return path / name
    if path.is_dir():
        raise ProfileError(f"{path}: a profile without config.yaml; put one there, or name another folder")
    raise ProfileError(f"{path}: no such profile; allowed: a folder with config.yaml, as in profiles/slurm")


def _content(file: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ProfileError(f"{file}{line}: not YAML: {getattr(error, 'problem', error)}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{file}: cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ProfileError(f"{file}: is no mapping; write keys and values, as in `jobs: 500`")
    return {str(key): value for key, value in content.items()}


def _remarks(found: Profile, content: Mapping[str, Any], rules: Collection[str]) -> list[str]:
    named = {
        "set-resources": found.set_resources,
        "set-threads": found.set_threads,
        "groups": found.groups,
        f"{SUBMITIT}here": found.here,
    }
    remarks = [
        f"{found.path}: {key}: there is no rule {rule!r}{did_you_mean(rule, list(rules))}"
        for key, given in named.items()
        for rule in given
        if rule not in rules
    ]
    known = [f"{SUBMITIT}{name}" for name in (*NUMBERS, *OTHERS)]
    return remarks + [
        f"{found.path}: {key}: the executor has no such setting{did_you_mean(key, known)}"
        for key in content
        if key.startswith(SUBMITIT) and key not in known
    ]
