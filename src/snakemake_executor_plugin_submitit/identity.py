"""Which job is which, over several runs: a key for its place, a digest of what it depends on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from typing import Any


def members(job: Any) -> list[Any]:
    """The single jobs of a Snakemake job, in a fixed order."""
    inner = list(job.jobs) if job.is_group() else [job]
    return sorted(inner, key=lambda one: (one.rule.name, sorted(map(str, one.output))))


def key(job: Any) -> str:
    """The same for the same rules and outputs."""
    return _digest([[one.rule.name, sorted(map(str, one.output))] for one in members(job)])


def content(job: Any) -> str:
    """The same as long as parameters and inputs are."""
    made = {str(file) for one in members(job) for file in one.output}
    return _digest(
        [
            [
                sorted((name or "", repr(value)) for name, value in _named(one.params)),
                [_state(str(file)) for file in sorted(map(str, one.input)) if str(file) not in made],
            ]
            for one in members(job)
        ]
    )


def _named(values: Any) -> Iterable[tuple[str, Any]]:
    """Values of a Snakemake list with their names; unnamed ones by their place."""
    names = dict(values.items())
    return [*names.items(), *((str(i), value) for i, value in enumerate(values))]


def _state(path: str) -> list[Any]:
    try:
        found = os.stat(path)  # noqa: PTH116  # hot: every input of every job
    except OSError:
        return [path, None]
    return [path, found.st_size, found.st_mtime_ns]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
