"""One chemical system from an OPTIMADE database: the query, its pages, its entries.

Specification: OPTIMADE 1.1, Andersen et al., Sci. Data 8, 217 (2021), doi:10.1038/s41597-021-00974-z.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from lodestone.references.source import Delivery, Progress, ReferenceSourceError
from lodestone.references.web import entries as c
from lodestone.references.web.fetch import Client, followed
from lodestone.references.web.paging import Found, KeptPages, Page, Query, collect

if TYPE_CHECKING:
    from lodestone.references.sources.optimade import OptimadeSource

STRUCTURE_FIELDS = (
    "lattice_vectors", "cartesian_site_positions", "species", "species_at_sites", "dimension_types",
    "structure_features",
)  # fmt: skip
DISORDER = {"disorder", "implicit_atoms", "site_attachments", "assemblies"}
"""Values of `structure_features` with which sites are not simply atoms."""


def deliver(source: OptimadeSource, system: str, pages: Path, progress: Progress) -> Delivery:
    """Everything that the database holds of exactly the elements of `system`.

    Raises:
        ReferenceSourceError: it cannot be had.
    """
    elements = system.split("-")
    query = _query(source, elements)
    client = Client(source.name, source.limits, {"Accept": "application/json"})
    kept = KeptPages(pages, query.request)
    found = collect(query, client, kept, progress)
    collected = c.Collected()
    collected.leave_out(c.NO_ID, len(found.unnamed))
    collected.leave_out(c.REPEATED, found.repeated)
    for name, entry in found.entries.items():
        collected.add(partial(_crystal, name, entry, elements, source))
    return Delivery(
        system,
        c.rows(collected.crystals, source.name, source.licence),
        found.expected,
        collected.left_out,
        _origin(source, found, collected.crystals, query),
    )


def _query(source: OptimadeSource, elements: Collection[str]) -> Query:
    wrong = [e for e in elements if not re.fullmatch(r"[A-Z][a-z]?", e)]
    if wrong or not elements:
        raise ReferenceSourceError(f"{source.name}: no chemical system: {'-'.join(elements)!r}")
    named = ",".join(f'"{e}"' for e in elements)
    request = {
        # HAS ONLY would be shorter, but OQMD answers it wrongly
        "filter": f"elements HAS ALL {named} AND nelements={len(elements)}",
        "page_limit": str(source.page_limit),
        "response_fields": ",".join((*STRUCTURE_FIELDS, *source.fields)),
    }
    url = f"{source.endpoint}?{urlencode(request, quote_via=quote)}"
    return Query(url, request | {"url": source.endpoint}, _fault, _page, _id)


def _fault(content: Any) -> str | None:
    data = content.get("data")
    if not isinstance(data, list):
        return "a page without a list `data`"
    if not all(isinstance(entry, dict) for entry in data):
        return "a page with entries in `data` that are no entries"
    return None


def _page(content: Mapping[str, Any], url: str) -> Page:
    meta = content.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    links = content.get("links")
    link = links.get("next") if isinstance(links, Mapping) else None
    link = link.get("href") if isinstance(link, Mapping) else link
    expected = meta.get("data_returned")
    return Page(
        entries=content["data"],
        next=followed(url, link) if isinstance(link, str) and link else None,
        expected=expected if isinstance(expected, int) and not isinstance(expected, bool) else None,
        promises_more=meta.get("more_data_available") is True,
        pause=max(0.0, c.number(meta.get("request_delay")) or 0.0),
    )


def _id(entry: Mapping[str, Any]) -> str | None:
    name = entry.get("id")
    return str(name) if isinstance(name, str | int) and str(name).strip() else None


def _crystal(
    name: str, entry: Mapping[str, Any], elements: Collection[str], source: OptimadeSource
) -> c.KnownCrystal:
    attributes = entry.get("attributes")
    if not isinstance(attributes, Mapping):
        raise c.UnfitError(c.NO_STRUCTURE)
    _check_kind(attributes)
    cell, positions = attributes.get("lattice_vectors"), attributes.get("cartesian_site_positions")
    numbers, cell, frac = c.geometry(cell, positions, _symbols_at_sites(attributes))
    c.check_elements(numbers, elements)
    total = c.number(_at(attributes, source.energy))
    per_atom = c.number(_at(attributes, source.energy_per_atom))
    energy = per_atom if total is None else total / len(numbers)
    return c.KnownCrystal(name, numbers, cell, frac, energy, c.number(_at(attributes, source.e_above_hull)))


def _check_kind(attributes: Mapping[str, Any]) -> None:
    """Raises UnfitError for what is no ordered crystal by its own description."""
    features = attributes.get("structure_features")
    if isinstance(features, list) and DISORDER.intersection(f for f in features if isinstance(f, str)):
        raise c.UnfitError(c.DISORDERED)
    directions = attributes.get("dimension_types")
    if directions is not None and directions != [1, 1, 1]:
        raise c.UnfitError(c.NOT_PERIODIC)


def _symbols_at_sites(attributes: Mapping[str, Any]) -> list[Any]:
    """The element of every site; a database that describes no species names sites by elements."""
    names = attributes.get("species_at_sites")
    if not isinstance(names, list):
        raise c.UnfitError(c.NO_STRUCTURE)
    species = attributes.get("species")
    if not species:
        return names
    if not isinstance(species, list) or not all(isinstance(kind, Mapping) for kind in species):
        raise c.UnfitError(c.MISMATCH)
    by_name = {str(kind.get("name")): kind for kind in species}
    elements = {str(name): _element(by_name.get(str(name))) for name in dict.fromkeys(map(str, names))}
    return [elements[str(name)] for name in names]


def _element(kind: Mapping[str, Any] | None) -> Any:
    if kind is None:
        raise c.UnfitError(c.MISMATCH)
    symbols, shares = kind.get("chemical_symbols"), kind.get("concentration")
    if not isinstance(symbols, list) or not symbols:
        raise c.UnfitError(c.NO_STRUCTURE)
    share = shares[0] if isinstance(shares, list) and len(shares) == 1 else None
    is_whole = shares is None or abs((c.number(share) or 0) - 1) < 1e-6
    if len(symbols) > 1 or not is_whole or symbols[0] == "vacancy" or kind.get("attached"):
        raise c.UnfitError(c.DISORDERED)
    return symbols[0]


def _at(attributes: Mapping[str, Any], path: str | None) -> Any:
    """The value at a path of names with dots; None without a path or where it leads nowhere."""
    if path is None:
        return None
    value: Any = attributes
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _origin(
    source: OptimadeSource, found: Found, crystals: list[c.KnownCrystal], query: Query
) -> dict[str, str]:
    meta = found.first.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    implementation = meta.get("implementation")
    software = implementation if isinstance(implementation, Mapping) else {}
    origin = {
        "url": source.endpoint,
        "filter": query.request["filter"],
        "optimade": str(meta.get("api_version", "")),
        "implementation": f"{software.get('name', '')} {software.get('version', '')}".strip(),
        "count": found.fault or "",
        "without energy": _lacking(crystals, "energy_per_atom", source.energy or source.energy_per_atom),
        "without e_above_hull": _lacking(crystals, "e_above_hull", source.e_above_hull),
    }
    return {key: text for key, text in origin.items() if text}


def _lacking(crystals: list[c.KnownCrystal], key: str, field: str | None) -> str:
    """How many crystals lack a number that the source should give; "" where none does."""
    n_without = sum(getattr(crystal, key) is None for crystal in crystals)
    return f"{n_without} (no number at {field})" if field and n_without else ""
