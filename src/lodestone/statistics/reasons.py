"""Groups reasons that differ only in a measured number."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"(?<![A-Za-z0-9_.])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def group_reasons(reasons: Sequence[str]) -> dict[str, int]:
    """Count reasons, most frequent first.

    Numbers that are the same in every reason of a group (thresholds) are kept, the others
    (measured values) are shown as "…", so that 1000 structures do not give 1000 reasons.
    """
    groups: dict[str, list[list[str]]] = {}
    for reason in reasons:
        groups.setdefault(_NUMBER.sub("\0", reason), []).append(_NUMBER.findall(reason))
    counted = {_fill(shape, numbers): len(numbers) for shape, numbers in groups.items()}
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _fill(shape: str, numbers: list[list[str]]) -> str:
    columns = [set(column) for column in zip(*numbers, strict=True)]
    shown = [next(iter(values)) if len(values) == 1 else "…" for values in columns]
    first, *rest = shape.split("\0")
    return first + "".join(number + text for number, text in zip(shown, rest, strict=True))
