"""What the store holds, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from lodestone.columns import Col
from lodestone.references.source import LocalSource, ReferenceSourceError, Source
from lodestone.references.store import Ledger, Store
from lodestone.references.table import SCHEMA, within_system
from lodestone.structures.table import to_pymatgen
from lodestone.text import columns


def overview(store: Store) -> list[dict[str, Any]]:
    """Each source of the store: what it is, how much there is, from when; sizes in bytes."""
    return [_source(store, name) for name in store.names()]


def _source(store: Store, name: str) -> dict[str, Any]:
    try:
        ledger = store.ledger(name)
        if ledger is None:  # removed meanwhile
            return {"source": name, "error": "gone"}
        paths = [store.folder / name / file.name for file in ledger.files.values()]
        parts = [ledger.whole] if ledger.whole else list(ledger.systems.values())
        dates = sorted(part.retrieved[:10] for part in parts)
        return {
            "source": name,
            "kind": ledger.description["kind"],
            "systems": _n_systems(ledger, paths),
            "references": sum(file.rows for file in ledger.files.values()),
            "left_out": sum(sum(part.left_out.values()) for part in parts),
            "retrieved": [dates[0], dates[-1]] if dates else [],
            "licence": ledger.description["licence"],
            "bytes": sum(path.stat().st_size for path in paths),
        }
    except (OSError, ReferenceSourceError, pl.exceptions.PolarsError) as error:
        return {"source": name, "error": str(error)}


def _n_systems(ledger: Ledger, paths: Sequence[Any]) -> int:
    """Chemical systems that were asked for, or that the whole database has."""
    if ledger.whole is None:
        return len(ledger.systems)
    return sum(
        pl.scan_parquet(path).select(pl.col("chemical_system").n_unique()).collect().item() for path in paths
    )


def overview_text(found: Sequence[dict[str, Any]]) -> str:
    """The overview for a terminal."""
    good = [one for one in found if "error" not in one]
    head = ("source", "kind", "systems", "references", "left out", "retrieved", "size/MB", "licence")
    rows = [
        (
            one["source"],
            one["kind"],
            f"{one['systems']:,}",
            f"{one['references']:,}",
            f"{one['left_out']:,}",
            " to ".join(dict.fromkeys(one["retrieved"])),
            f"{one['bytes'] / 1e6:,.1f}",
            one["licence"],
        )
        for one in good
    ]
    broken = [f"{one['source']}: {one['error']}" for one in found if "error" in one]
    return "\n".join([*([columns([head, *rows], right=(2, 3, 4, 6))] if rows else []), *broken])


def of_system(store: Store, local: Iterable[Source], systems: Sequence[str]) -> pl.DataFrame:
    """The references of chemical systems, of local sources and of the store, stable ones first in each."""
    elements = {element for system in systems for element in system.split("-")}
    tables = [pl.DataFrame(schema=SCHEMA)]
    tables += [within_system(s.read(elements).rows, elements) for s in local if isinstance(s, LocalSource)]
    tables += [store.read(name, systems) for name in store.names()]
    n_elements = pl.col("chemical_system").str.count_matches("-", literal=True)
    order = (n_elements, pl.col("chemical_system"), pl.col(Col.E_ABOVE_HULL), pl.col(Col.ENERGY_PER_ATOM))
    return pl.concat(tables).sort(*order, nulls_last=True, maintain_order=True)


def of_id(store: Store, local: Iterable[Source], wanted: str) -> pl.DataFrame:
    """The reference of an id, `<source>/<source_id>`; no row where there is none. Reads a whole source."""
    from lodestone.structures.elements import ELEMENTS

    name = wanted.partition("/")[0]
    for source in local:
        if source.name == name and isinstance(source, LocalSource):
            return source.read(ELEMENTS).rows.filter(pl.col("id") == wanted)
    ledger = store.ledger(name)
    files = [] if ledger is None else [store.folder / name / file.name for file in ledger.files.values()]
    found = [pl.DataFrame(schema=SCHEMA)]
    found += [
        pl.scan_parquet(path).filter(pl.col("id") == wanted).select(list(SCHEMA)).collect() for path in files
    ]
    return pl.concat(found)


def rows_text(rows: pl.DataFrame) -> str:
    """References for a terminal, one per line; energies in eV/atom."""
    head = ("id", "formula", "system", "atoms", "E/(eV/atom)", "E above hull/(eV/atom)", "retrieved")
    shown = [
        (
            row["id"],
            row[Col.FORMULA],
            row["chemical_system"],
            str(len(row["numbers"])),
            _number(row[Col.ENERGY_PER_ATOM]),
            _number(row[Col.E_ABOVE_HULL]),
            row["retrieved"],
        )
        for row in rows.iter_rows(named=True)
    ]
    return columns([head, *shown], right=(3, 4, 5))


def as_cif(row: pl.DataFrame) -> str:
    """The CIF (P1) of a table with one row."""
    from pymatgen.io.cif import CifWriter

    (structure,) = to_pymatgen(row)
    return f"# {row['id'].item()}, licence: {row['licence'].item() or 'not told'}\n{CifWriter(structure)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
