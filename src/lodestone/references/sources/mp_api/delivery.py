"""One chemical system from the Materials Project's summaries: query, pages, entries."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from lodestone.references.source import Delivery, Progress, ReferenceSourceError
from lodestone.references.web import entries as c
from lodestone.references.web.entries import structure_arrays
from lodestone.references.web.fetch import Client
from lodestone.references.web.paging import KeptPages, Page, Query, collect

if TYPE_CHECKING:
    from lodestone.references.sources.mp_api import MaterialsProjectSource

KEY = "MP_API_KEY"
FIELDS = ("material_id", "structure", "energy_per_atom", "energy_above_hull")


def deliver(source: MaterialsProjectSource, system: str, pages: Path, progress: Progress) -> Delivery:
    """Everything that the service holds of exactly the elements of `system`.

    Raises:
        ReferenceSourceError: there is no key, or the service cannot be had.
    """
    client, query = _client(source), _query(source, system)
    found = collect(query, client, KeptPages(pages, query.request), progress)
    collected = c.Collected()
    collected.leave_out(c.NO_ID, len(found.unnamed))
    collected.leave_out(c.REPEATED, found.repeated)
    for name, entry in found.entries.items():
        collected.add(partial(_crystal, name, entry, system.split("-")))
    meta = found.first.get("meta")
    version = str(meta.get("api_version") or "") if isinstance(meta, Mapping) else ""
    origin = {"url": _endpoint(source), "filter": f"chemsys={system}", "version": version}
    origin["count"] = found.fault or ""
    return Delivery(
        system,
        c.rows(collected.crystals, source.name, source.licence),
        found.expected,
        collected.left_out,
        {key: text for key, text in origin.items() if text},
    )


def _client(source: MaterialsProjectSource) -> Client:
    key = os.environ.get(KEY, "").strip()
    if not re.fullmatch(r"[A-Za-z0-9_-]{8,}", key):
        is_set = "does not look like a key" if key else "is not set"
        raise ReferenceSourceError(
            f"{source.name}: the environment variable {KEY} {is_set}; a key is free on the dashboard of "
            f"materialsproject.org: export {KEY}=…, or take this source out of `references`"
        )
    headers = {"X-API-KEY": key, "Accept": "application/json"}
    advice = f"check {KEY} (its value is never shown) and `url`"
    return Client(source.name, source.limits, headers, (key,), advice)


def _endpoint(source: MaterialsProjectSource) -> str:
    return f"{source.url.rstrip('/')}/materials/summary/"


def _query(source: MaterialsProjectSource, system: str) -> Query:
    request = {
        "chemsys": system,
        "deprecated": "false",
        "_fields": ",".join(FIELDS),
        "_sort_fields": "material_id",
        "_limit": str(source.page_limit),
        "_skip": "0",
    }
    url = f"{_endpoint(source)}?{urlencode(request)}"
    return Query(url, request | {"url": _endpoint(source)}, _fault, _page, _id)


def _fault(content: Any) -> str | None:
    data = content.get("data")
    if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
        return "a page without a list `data` of entries"
    return None


def _page(content: Mapping[str, Any], url: str) -> Page:
    meta = content.get("meta")
    total = meta.get("total_doc") if isinstance(meta, Mapping) else None
    expected = total if isinstance(total, int) and not isinstance(total, bool) else None
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query))
    entries = content["data"]
    end = int(asked["_skip"]) + len(entries)
    # without a count, the last page is the one that is not full
    is_last = len(entries) < int(asked["_limit"]) if expected is None else end >= expected
    following = parts._replace(query=urlencode(asked | {"_skip": str(end)})).geturl()
    return Page(entries, None if is_last or not entries else following, expected)


def _id(entry: Mapping[str, Any]) -> str | None:
    name = entry.get("material_id")
    return name if isinstance(name, str) and name.strip() else None


def _crystal(name: str, entry: Mapping[str, Any], elements: Collection[str]) -> c.KnownCrystal:
    numbers, cell, frac = structure_arrays(entry.get("structure"))
    c.check_elements(numbers, elements)
    energy, distance = (c.number(entry.get(key)) for key in FIELDS[2:])
    return c.KnownCrystal(name, numbers, cell, frac, energy, distance)
