"""Variants of a campaign: named parts of its file that go over the rest of it where they are chosen.

A variant is merged deeply: mappings key by key; lists and plain values replace what is there, and so do
`constraints` and a mapping of another `kind`, of which no old key would fit. Pure.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

from lodestone.schema.errors import ConfigError, Fault
from lodestone.schema.yaml_reader import Document, Path, key_text
from lodestone.text import did_you_mean

VARIANT, VARIANTS = "variant", "variants"
SLUG = r"^[a-z0-9][a-z0-9-]{0,63}$"
"""Names of campaigns and variants, which become parts of file names."""
WHOLE = ("constraints",)
"""Keys of a campaign that a variant replaces as a whole: what is asked is not mixed."""
NAMES = "lower-case letters, digits and hyphens, up to 64, e.g. embedded"
PART = "a mapping with keys of a campaign"


def chosen(document: Document, name: object) -> Document:
    """The document with the variant `name` over it, or as it is where that is None; without its variants.

    Raises:
        ConfigError: there is no such variant, or one of them, chosen or not, is no part of a campaign.
    """
    variants = document.data.get(VARIANTS)
    found = list(_faults(document, variants))
    if found:
        raise ConfigError(found)
    data = {key: value for key, value in document.data.items() if key not in (VARIANT, VARIANTS)}
    merged = Document(copy.deepcopy(data), dict(document.places))
    if name is None:
        return merged
    if not isinstance(name, str) or name not in (variants or {}):
        raise ConfigError([_unknown(document, name, list(variants or ()))])
    part, own = copy.deepcopy(variants[name]), (VARIANTS, name)
    called = _called(document.data, name, part)
    merged.data[VARIANT] = name
    _merge(merged, merged.data, part, own)
    if called is not None and "campaign" not in part:
        merged.data["campaign"] = called
        merged.write(("campaign",), (*own, "campaign"), document.place(own))
    return merged


def names(document: Document) -> list[str]:
    """The names of a document's variants; none where they are no mapping."""
    variants = document.data.get(VARIANTS)
    return list(variants) if isinstance(variants, dict) else []


def _merge(document: Document, data: dict[str, Any], part: dict[str, Any], own: Path, at: Path = ()) -> None:
    for key, value in part.items():
        inner, written = (*at, key), (*own, *at, key)
        old = data.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and not _replaces(inner, old, value):
            _merge(document, old, value, own, inner)
            continue
        data[key] = value
        document.write(inner, written, document.place(written))


def _replaces(path: Path, old: dict[str, Any], new: dict[str, Any]) -> bool:
    return path == WHOLE or ("kind" in new and new["kind"] != old.get("kind"))


def _called(data: dict[str, Any], name: str, part: dict[str, Any]) -> str | None:
    """The name of a variant's campaign; None where that of the file is faulty, which is told as such."""
    own, base = part.get("campaign"), data.get("campaign")
    if isinstance(own, str):
        return own
    return f"{base}-{name}" if isinstance(base, str) and re.match(SLUG, base) else None


def _faults(document: Document, variants: Any) -> Iterator[Fault]:
    """What is wrong with the variants before any is merged."""
    if variants is None and VARIANTS not in document.data:
        return
    if not isinstance(variants, dict):
        wrong = "is empty" if variants is None else "is no mapping"
        yield _fault(document, (VARIANTS,), wrong, "a mapping of names to parts of a campaign")
        return
    taken = {document.data.get("campaign"): "the campaign without a variant"}
    for name, part in variants.items():
        path = (VARIANTS, name)
        if not re.match(SLUG, name):
            yield _fault(document, path, f"{name!r} is no such name", NAMES)
        if not isinstance(part, dict) or not part:
            yield _fault(document, path, "is no mapping" if part else "is empty", PART)
            continue
        for key in (VARIANT, VARIANTS):
            if key in part:
                yield _fault(document, (*path, key), "is no key of a variant", "the other keys of a campaign")
        called = _called(document.data, name, part)
        if called is not None and called in taken:
            wrong = f"{called!r} is the name of {taken[called]}"
            yield _fault(
                document, (*path, "campaign"), wrong, "a name of its own, so that results stay apart"
            )
        taken[called] = f"variant {name}"


def _unknown(document: Document, name: object, known: list[str]) -> Fault:
    hint = did_you_mean(name, known) if isinstance(name, str) else ""
    shown = repr(name) if isinstance(name, str | int | float) else "a list or mapping"
    allowed = ", ".join(known) or "null, for this file has no variants"
    return Fault(document.place((VARIANT,)), VARIANT, f"{shown} is not known{hint}", allowed)


def _fault(document: Document, path: Path, wrong: str, allowed: str) -> Fault:
    return Fault(document.place(path), key_text(path), wrong, allowed)
