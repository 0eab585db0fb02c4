"""Turns pydantic's errors into faults with file, line, key and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from lodestone.campaign.allowed import campaign_schema, choices, chosen, describe, resolve, schema_at
from lodestone.campaign.suggest import did_you_mean
from lodestone.schema.errors import Fault
from lodestone.schema.sections import PROBLEMS, Problem
from lodestone.schema.yaml_reader import Document, Path, key_text

UNKNOWN, MISSING = "extra_forbidden", "missing"
TOO_SHORT = "too_short"
BOUNDS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
FAULTY = dict.fromkeys(BOUNDS, "out of range") | {
    "finite_number": "not finite",
    "string_pattern_mismatch": "of another form",
}
TAGS = {"union_tag_invalid", "union_tag_not_found"}
KEY = "[key]"  # pydantic's mark of an error about a key
LONGEST = 60


def faults(error: ValidationError, document: Document) -> list[Fault]:
    """One fault per key, in the order of the file."""
    found: dict[Path, Fault] = {}
    for details in _own_first(error):
        for path, fault in _faults(details, document):
            found.setdefault(path, fault)
    return sorted(found.values(), key=_by_line)


def _own_first(error: ValidationError) -> list[Any]:
    """Errors of a union's alternatives concern one key: those about bounds say most."""
    vague = ("_type", "literal_error", "is_instance_of")
    details = error.errors(include_url=False)
    return sorted(details, key=lambda d: d["type"].endswith(vague))


def _faults(details: Any, document: Document) -> Iterator[tuple[Path, Fault]]:
    kind, data = details["type"], document.data
    path = _path(details["loc"], kind, data)
    problems = details["ctx"][PROBLEMS] if kind == PROBLEMS else _problem(kind, path, details["loc"], data)
    for inner, wrong, allowed in problems:
        whole = (*path, *inner)
        yield whole, Fault(document.place(whole), key_text(document.as_written(whole)), wrong, allowed)


def _problem(kind: str, path: Path, loc: tuple[int | str, ...], data: Any) -> Iterator[Problem]:
    """What pydantic says about the key at `path`."""
    if loc[-1:] == (KEY,):
        names = resolve(schema_at(path[:-1], data) or {}).get("propertyNames", {})
        yield (), f"{show(path[-1])} is no such name", describe(names)
    elif kind == TOO_SHORT and not _few(_at(data, path), schema_at(path, data) or {}):
        pass  # entries that are faulty, and told as such, do not count for pydantic
    else:
        inner = ("kind",) if kind in TAGS else ()
        yield (inner, *_words(kind, (*path, *inner), data))


def _few(value: Any, schema: dict[str, Any]) -> bool:
    schema = _plain(schema, value)
    return bool(len(value) < schema.get("minItems", schema.get("minProperties", 0)))


def _path(loc: tuple[int | str, ...], kind: str, data: Any) -> Path:
    """The key that an error is about: pydantic's location without the names of union members."""
    path: list[str | int] = []
    chosen_by = None  # the mapping whose `kind` the part before was: it names a union's member only once
    for number, part in enumerate(loc, start=1):
        if isinstance(data, dict) and data.get("kind") == part and data is not chosen_by:
            chosen_by = data
            continue
        inside = _holds(data, part)
        new = number == len(loc) and kind in {MISSING, UNKNOWN} and isinstance(part, str)
        if inside or new:
            path.append(part)
        data = data[part] if inside else data
    return tuple(path)


def _words(kind: str, path: Path, data: Any) -> tuple[str, str]:
    """What is wrong and what is allowed."""
    if kind == UNKNOWN:
        return _unknown(path, data)
    value, schema = _at(data, path), schema_at(path, data) or {}
    if kind in TAGS:
        known = choices(schema_at(path[:-1], None) or {})
        return ("is missing" if value is None else _not_known(value, known)), ", ".join(known)
    return _wrong(kind, value, choices(schema)), describe(schema)


def _wrong(kind: str, value: Any, known: list[str]) -> str:
    if kind in {MISSING, TOO_SHORT, "too_long"} and isinstance(value, list | dict):
        return f"has {len(value)} entries"
    if kind == MISSING:
        return "is missing"
    if value is None:
        return "is empty"
    if kind == "literal_error":
        return _not_known(value, known)
    return f"{show(value)} is {FAULTY.get(kind) or kind_of(value)}"


def _not_known(value: Any, known: list[str]) -> str:
    hint = did_you_mean(value, known) if isinstance(value, str) else ""
    return f"{show(value)} is not known{hint}"


def _unknown(path: Path, data: Any) -> tuple[str, str]:
    parent = _plain(schema_at(path[:-1], data) or {}, _at(data, path[:-1]))
    keys = list(parent.get("properties", {}))
    hint = _elsewhere(str(path[-1])) or did_you_mean(str(path[-1]), keys)
    return f"unknown key{hint}", ", ".join(keys)


def _plain(schema: dict[str, Any], data: Any) -> dict[str, Any]:
    return resolve(chosen(resolve(schema), data))


def _elsewhere(key: str) -> str:
    """Names the section that has this key."""
    for section, schema in campaign_schema()["properties"].items():
        if key in resolve(schema).get("properties", {}):
            return f", did you mean {section}.{key}?"
    return ""


def _at(data: Any, path: Path) -> Any:
    for part in path:
        if not _holds(data, part):
            return None
        data = data[part]
    return data


def _holds(data: Any, part: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, dict) and part in data


def show(value: Any) -> str:
    """A value as it stands in a file, shortened."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def kind_of(value: Any) -> str:
    """What a value is, in words."""
    names = {bool: "a truth value", int: "a whole number", float: "a number", str: "text"}
    return names.get(type(value), "not expected here")


def _by_line(fault: Fault) -> tuple[int, str]:
    line = fault.where.rsplit(":", 1)[-1]
    return (int(line) if line.isdigit() else 0, fault.key)
