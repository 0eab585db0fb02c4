"""Values of a profile by their keys, in any form that Snakemake takes, or an error that names the key."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lodestone.operations.amounts import amount


class ProfileError(ValueError):
    """A profile is missing or wrong; the message names the file, the key and what is allowed."""


@dataclass(frozen=True)
class Values:
    """Values of a profile by their keys, or an error that names the key."""

    file: Path
    content: Mapping[str, Any]

    def wrong(self, key: str, value: Any, allowed: str) -> ProfileError:
        """The error for a value; None is one that is missing."""
        missing = value is None
        return ProfileError(
            f"{self.file}: {key}: {'missing' if missing else f'{value!r} is wrong'}; allowed: {allowed}"
        )

    def number(self, key: str, default: int, least: int) -> int:
        """A whole number."""
        value = self.content.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.wrong(key, value, f"whole numbers of at least {least}")
        return value

    def jobs(self) -> float:
        """How many jobs are submitted at the same time; infinity for `unlimited`."""
        value = self.content.get("jobs")
        if value is None:
            raise self.wrong("jobs", value, "the most jobs to submit at the same time, as in `jobs: 500`")
        return math.inf if value == "unlimited" else self.number("jobs", 1, 1)

    def mapping(self, key: str) -> dict[str, Any]:
        """A mapping, or Snakemake's list of `name=value`."""
        value = self.content.get(key) or {}
        if isinstance(value, list) and all(isinstance(item, str) and "=" in item for item in value):
            return dict(item.split("=", 1) for item in value)
        if not isinstance(value, dict):
            raise self.wrong(key, value, "a mapping, one `name: value` a line")
        return {str(name): inner for name, inner in value.items()}

    def nested(self, key: str) -> dict[str, dict[str, Any]]:
        """A mapping of mappings, or Snakemake's list of `rule:name=value`."""
        found: dict[str, dict[str, Any]] = {}
        for rule, given in self.mapping(key).items():
            if isinstance(given, dict):
                found[rule] = {str(name): value for name, value in given.items()}
            elif match := re.fullmatch(r"(\w+):(\w+)", rule):
                found.setdefault(match.group(1), {})[match.group(2)] = given
            else:
                raise self.wrong(f"{key}: {rule}", given, "a mapping of resources, as in {mem_mb: 4000}")
        return found

    def numbers(self, key: str) -> dict[str, int]:
        """A mapping of names to whole numbers."""
        found = self.mapping(key)
        for name, value in found.items():
            if not str(value).isdigit() or int(value) < 1:
                raise self.wrong(f"{key}: {name}", value, "whole numbers of at least 1")
        return {name: int(value) for name, value in found.items()}

    def words(self, key: str) -> list[str]:
        """A list of texts; a single one may stand alone."""
        value = self.content.get(key) or []
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list):
            raise self.wrong(key, value, "a list")
        return [str(item) for item in value]

    def resources(self, key: str) -> dict[str, Any]:
        """A mapping of resources to amounts."""
        return self.amounts(key, self.mapping(key))

    def amounts(self, key: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Amounts in the units that jobs ask for."""
        try:
            return dict(amount(name, value) for name, value in given.items())
        except ValueError as error:
            raise ProfileError(f"{self.file}: {key}: {error}") from error
