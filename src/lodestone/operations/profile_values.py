"""Values of a profile by their keys, read by Snakemake's own functions, or an error that names the key."""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lodestone.operations.amounts import read_amounts, work_out

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
