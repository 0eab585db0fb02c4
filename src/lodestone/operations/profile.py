"""A profile of Snakemake as far as it decides what SLURM is asked for: its file, read and checked.

Snakemake finds the file, reads it and makes settings of it, amounts such as 720, 12h, 4GB or 2000 * attempt
included, so an expression runs here as it does there. Only what is wrong is told in our words, by its key.
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from lodestone.text import did_you_mean
from snakemake_executor_plugin_submitit.settings import ExecutorSettings

SUM = "or a sum with `attempt` and `threads`"
ALLOWED = {
    "runtime": f"minutes, or a time as in 12h, {SUM}",
    "mem": f"a size, as in 4GB, {SUM}",
    "disk": f"a size, as in 4GB, {SUM}",
}
NUMBER = f"a number, {SUM}"
TEXT = f"a number or text, {SUM}; text that means something in Python has quotes of its own: \"'all'\""


class _Unknown:
    """Inputs and wildcards of a job, which there are not before there are jobs: every use of it fails."""

    def __bool__(self) -> bool:
        raise LookupError("known only of a job")


def read_amounts(entries: list[str]) -> Mapping[str, Any]:
    """Resources of `name=amount` as Snakemake reads them, sizes in megabytes and times in minutes.

    Raises:
        ValueError: one is wrong, or not known before there are jobs; the message says what is allowed.
        WorkflowError: Snakemake itself refuses one.
    """
    from snakemake.resources import Resources

    for entry in entries:
        name, _, text = entry.partition("=")
        amount = Resources.parse([entry], allow_expressions=True)
        try:
            work_out(amount, threads=1)
        except Exception as error:  # of the profile's own expression, which may raise anything
            allowed = ALLOWED.get(name, NUMBER if name.endswith(("_mb", "_mib")) else TEXT)
            raise ValueError(f"{name} is {text!r}; allowed: {allowed}") from error
    found: Mapping[str, Any] = Resources.parse(entries, allow_expressions=True)
    return found


def work_out(amounts: Mapping[str, Any], threads: int) -> dict[str, Any]:
    """These amounts for the first attempt of a job; what is no expression stays as it is."""
    from snakemake.resources import Resource

    job = {"attempt": 1, "threads": threads, "input": _Unknown(), "rulename": "", "async_run": None}
    return {
        name: amount.evaluate(_Unknown(), **job).value if isinstance(amount, Resource) else amount
        for name, amount in amounts.items()
    }


Parsed = TypeVar("Parsed")
PER_LINE = "a mapping, one a line:"


class ProfileError(ValueError):
    """A profile is missing or wrong; the message names the file, the key and what is allowed."""


@dataclass(frozen=True)
class Values:
    """Values of a profile by their keys, or an error that names the key."""

    file: Path
    content: Mapping[str, Any]
    """As they stand in the file."""
    arguments: Mapping[str, Any]
    """As Snakemake puts them on its command line: a text, or a list of them."""

    def wrong(self, key: str, value: Any, allowed: str) -> ProfileError:
        """The error for a value; None is one that is missing."""
        missing = value is None
        return ProfileError(
            f"{self.file}: {key}: {'missing' if missing else f'{value!r} is wrong'}; allowed: {allowed}"
        )

    def words(self, key: str) -> list[str]:
        """The arguments of an option; none where it is not given."""
        value = self.arguments.get(key, [])
        return list(map(str, value)) if isinstance(value, list) else [value]

    def parsed(self, key: str, parse: Callable[[list[str]], Parsed], allowed: str) -> Parsed:
        """What a function of Snakemake's command line makes of the arguments of an option."""
        from snakemake.exceptions import CliException

        try:
            return parse(self.words(key))
        except (ValueError, CliException) as error:
            raise self.wrong(key, self.content.get(key, self.arguments[key]), allowed) from error

    def jobs(self) -> float:
        """How many jobs are submitted at the same time; infinity for `unlimited`."""
        from snakemake.cli import parse_jobs

        if not self.words("jobs"):
            most = "the most jobs to submit at the same time, as in `jobs: 500`"
            raise self.wrong("jobs", self.content.get("jobs"), most)
        allowed = "whole numbers of at least 1, or unlimited"
        found = self.parsed("jobs", lambda words: int(parse_jobs(words[0])), allowed)
        if found < 1:  # Snakemake takes it, and submits nothing
            raise self.wrong("jobs", found, allowed)
        return math.inf if found == sys.maxsize else found

    def threads(self) -> dict[str, int]:
        """The number of threads of each rule that has one here."""
        from snakemake.cli import parse_set_threads

        allowed = "whole numbers of at least 1"
        found = self.parsed("set-threads", parse_set_threads, f"a mapping of rules to {allowed}")
        for rule, amount in found.items():
            with suppress(Exception):  # of the profile's own expression, which may raise anything
                found[rule] = work_out({rule: amount}, threads=1)[rule]
            if not isinstance(found[rule], int) or found[rule] < 1:
                raise self.wrong(f"set-threads: {rule}", amount.raw, allowed)
        return found

    def set_resources(self) -> dict[str, Mapping[str, Any]]:
        """Resources of single rules, as `read_amounts` gives them."""
        entries: dict[str, list[str]] = defaultdict(list)
        for entry in self.words("set-resources"):
            rule, _, amount = entry.partition(":")
            entries[rule].append(amount)
        return {rule: self.amounts(f"set-resources: {rule}", given) for rule, given in entries.items()}

    def amounts(self, key: str, entries: list[str]) -> Mapping[str, Any]:
        """Resources of these arguments, as `read_amounts` gives them."""
        from snakemake.exceptions import WorkflowError

        if wrong := [entry for entry in entries if "=" not in entry]:
            raise self.wrong(key, wrong[0], f"{PER_LINE} `name: amount`")
        try:
            return read_amounts(entries)
        except (ValueError, WorkflowError) as error:
            raise ProfileError(f"{self.file}: {key}: {' '.join(map(str, error.args))}") from error


EXECUTOR = "submitit"


@dataclass
class Profile(ExecutorSettings):
    """What a profile says about jobs on a cluster: to the executor, and to Snakemake."""

    path: Path = Path()
    jobs: float = math.inf
    """The most jobs that are submitted at the same time."""
    default_resources: Mapping[str, Any] = field(default_factory=dict)
    """Amounts, or what `amounts.work_out` makes one of for a number of threads; as the next."""
    set_resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    set_threads: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    """Group of each rule that has one."""
    group_components: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    """What in it has no effect."""


def read_profile(path: Path, rules: Collection[str]) -> Profile:
    """The profile in a folder or file, for a workflow of these rules.

    Raises:
        ProfileError: there is none, or it is wrong.
    """
    from snakemake.cli import parse_group_components, parse_groups

    values = _values(_file(path))
    if values.arguments.get("executor") != EXECUTOR:
        allowed = f"{EXECUTOR} (this command looks at jobs on a cluster)"
        raise values.wrong("executor", values.content.get("executor"), allowed)
    settings = _settings(values.file)
    found = Profile(
        **{one.name: getattr(settings, one.name) for one in fields(settings)},
        path=values.file,
        jobs=values.jobs(),
        default_resources=values.amounts("default-resources", values.words("default-resources")),
        set_resources=values.set_resources(),
        set_threads=values.threads(),
        groups=values.parsed("groups", parse_groups, f"{PER_LINE} `rule: group`"),
        group_components=values.parsed(
            "group-components", parse_group_components, f"{PER_LINE} `group: number`, of at least 1"
        ),
    )
    found.remarks = tuple(_remarks(found, values, rules))
    return found


def _file(path: Path) -> Path:
    from snakemake.cli import get_profile_dir

    if (found := get_profile_dir(str(path))) is not None:
        return Path(found[1])
    if path.is_dir():
        raise ProfileError(f"{path}: a profile without config.yaml; put one there, or name another folder")
    raise ProfileError(f"{path}: no such profile; allowed: a folder with config.yaml, as in profiles/slurm")


def _values(file: Path) -> Values:
    """The file as it stands, of which errors tell, and as Snakemake makes arguments of it."""
    from snakemake.exceptions import WorkflowError
    from snakemake.profiles import ConfigFileParserException, ProfileConfigFileParser

    content = _content(file)
    try:
        with file.open(encoding="utf-8") as stream:
            arguments = ProfileConfigFileParser().parse(stream)
    except WorkflowError as error:  # of the only option with two levels
        given = content.get("set-resources", {}).items()
        flat = {rule: one for rule, one in given if not isinstance(one, dict)}
        allowed = f"{PER_LINE} `rule: {{resource: amount}}`"
        raise Values(file, content, {}).wrong("set-resources", flat, allowed) from error
    except ConfigFileParserException as error:  # of a template, which Snakemake's profiles may be
        raise ProfileError(f"{file}: {error}") from error
    return Values(file, content, arguments)


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


def _settings(file: Path) -> ExecutorSettings:
    """What the file says to the executor, by the options that Snakemake makes of the executor's settings."""
    from snakemake.common.argparse import ArgumentParser
    from snakemake.profiles import ProfileConfigFileParser
    from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

    class Parser(ArgumentParser):
        def error(self, message: str) -> NoReturn:  # argparse would print it and end the process
            raise ValueError(message)

    reader = {"default_config_files": [str(file)], "config_file_parser_class": ProfileConfigFileParser}
    parser = Parser(add_help=False, allow_abbrev=False, **reader)
    plugin = ExecutorPluginRegistry().get_plugin(EXECUTOR)
    plugin.register_cli_args(parser, "executor")
    try:
        return plugin.get_settings(parser.parse_known_args([])[0])
    except (ValueError, AssertionError) as error:  # the latter of a list where there is one value
        raise ProfileError(f"{file}: {str(error).removeprefix('argument --')}") from error


def _remarks(found: Profile, values: Values, rules: Collection[str]) -> list[str]:
    own = f"{EXECUTOR}-"
    named = {
        "set-resources": found.set_resources,
        "set-threads": found.set_threads,
        "groups": found.groups,
        f"{own}here": found.here,
    }
    remarks = [
        f"{found.path}: {key}: there is no rule {rule!r}{did_you_mean(rule, list(rules))}"
        for key, given in named.items()
        for rule in given
        if rule not in rules
    ]
    known = [own + one.name.replace("_", "-") for one in fields(ExecutorSettings)]
    remarks += [
        f"{found.path}: {key}: the executor has no such setting{did_you_mean(key, known)}"
        for key in values.arguments
        if key.startswith(own) and key not in known
    ]
    return remarks + [
        f"{found.path}: {key}: Snakemake passes over a mapping here"
        for key, value in values.content.items()
        if isinstance(value, dict) and key in known and key not in values.arguments
    ]
