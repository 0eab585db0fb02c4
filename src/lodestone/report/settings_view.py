"""The record of the campaign as tables: settings by key, versions, hashes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lodestone.report.cells import Cell, Column, View, rows_of


def settings_view(record: Mapping[str, Any]) -> View:
    """Every setting of the resolved configuration by its full key."""
    rows = ([Cell(key), Cell(_text(value))] for key, value in flat(record.get("config", {})))
    return View((Column("Setting"), Column("Value")), rows_of(rows))


def versions_view(record: Mapping[str, Any]) -> View:
    """Versions of the packages that made the numbers."""
    rows = ([Cell(name), Cell(str(value))] for name, value in record.get("versions", {}).items())
    return View((Column("Package"), Column("Version")), rows_of(rows))


def hashes_view(record: Mapping[str, Any]) -> View:
    """SHA-256 of weights, references and results."""
    rows = (
        [Cell(name), Cell("none" if value is None else str(value))]
        for name, value in flat(record.get("sha256", {}))
    )
    return View((Column("What"), Column("SHA-256")), rows_of(rows))


def flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings with their full keys; lists of plain values are leaves."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from flat(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and any(isinstance(inner, Mapping) for inner in value):
        for place, inner in enumerate(value, start=1):
            yield from flat(inner, f"{key}[{place}]")
    elif key:
        yield key, value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
