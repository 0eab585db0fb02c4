"""Which estimator made a table of energies: a small JSON file beside it.

Energies of different estimators, or of one whose weights were replaced, must never meet in a hull. So a
table of energies `x.parquet` has its `x.json`: name, kind, settings, model, SHA-256 of the model's files,
package and version, device, precision, and how many structures got an energy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

from lodestone.energies.evaluation import Estimator, described
from lodestone.runtime.files import write_json

Identity = dict[str, Any]
SAME = ("kind", "settings", "sha256")
"""What must be equal where energies meet."""


class OtherModelError(ValueError):
    """Energies were made by another model than the one that is asked for, or by two."""


def identity(settings: Mapping[str, Any], estimator: Estimator) -> Identity:
    """What is recorded of an estimator made of `settings`, a mapping like `energy.estimator`."""
    known = described(estimator)
    package = known.get("package")
    return {
        "name": estimator.name,
        "kind": settings["kind"],
        "settings": dict(settings),
        "model": known.get("model"),
        "sha256": known.get("sha256"),
        "package": package,
        "version": _version(package) if package else None,
        "device": known.get("device"),
        "precision": known.get("precision"),
    }


def verify(found: Identity, expected: Mapping[str, str]) -> None:
    """Raise where the model is none of those that a job was made for (`assets` of its settings)."""
    wanted = {value for value in expected.values() if value != "missing"}
    if wanted and found["sha256"] is not None and found["sha256"] not in wanted:
        raise OtherModelError(
            f"the files of {found['name']} have changed since the workflow was started (now "
            f"{found['sha256'][:12]}…, then {', '.join(sorted(v[:12] for v in wanted))}…); start it again"
        )


def beside(table: Path) -> Path:
    """The JSON file of a table of energies."""
    return table.with_suffix(".json")


def write(found: Identity, table: Path) -> None:
    """Write what made a table of energies beside it."""
    write_json(beside(table), found)


def read(table: Path) -> Identity | None:
    """What made a table of energies; None where that was not recorded."""
    path = beside(table)
    if not path.is_file():
        return None
    found: Identity = json.loads(path.read_text(encoding="utf-8"))
    return found


def makers(directory: Path) -> list[Identity]:
    """What made the references' energies of a campaign's folder: the judge first, then the others by name."""
    others = sorted((directory / "reference_energies").glob("*.parquet"))
    tables = [directory / "reference_energies.parquet", *others]
    return [found for table in tables if (found := read(table)) is not None]


def one_maker(tables: Iterable[Path]) -> Identity | None:
    """What made all of these tables; None where nothing is recorded.

    Tables of an estimator that failed hold no energies and match any; the `failure` is kept. Raises
    OtherModelError, naming two files, where they were made by different estimators.
    """
    every = [(table, found) for table in tables if (found := read(table)) is not None]
    failed = [found for _, found in every if found.get("failure")]
    known = [(table, found) for table, found in every if not found.get("failure")]
    for table, found in known[1:]:
        first = known[0]
        if any(found.get(part) != first[1].get(part) for part in SAME):
            raise OtherModelError(
                f"{table} and {first[0]} were made by different estimators: {_words(found)} and "
                f"{_words(first[1])}; remove the older of the two and start the workflow again"
            )
    if failed:
        return (known[0][1] if known else failed[0]) | {"failure": failed[0]["failure"]}
    return known[0][1] if known else None


def _words(found: Identity) -> str:
    digest = found.get("sha256")
    return f"{found.get('name') or found['kind']}" + (f" ({digest[:12]}…)" if digest else "")


def _version(package: str) -> str | None:
    for name in (package, *packages_distributions().get(package, ())):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None
