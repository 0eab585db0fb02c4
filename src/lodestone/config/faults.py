"""Turns pydantic's errors into faults with file, line, key and what is allowed, told from the JSON schema."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from lodestone.schema.errors import Fault
from lodestone.schema.sections import PROBLEMS, Problem
from lodestone.schema.yaml_reader import Document, Path, key_text
from lodestone.text import did_you_mean

Schema = dict[str, Any]
ELEMENT = "^[A-Z][a-z]?$"


@lru_cache(maxsize=1)
def campaign_schema() -> Schema:
    """The JSON schema of a campaign file."""
    from lodestone.config.campaign import Campaign
    from lodestone.config.variants import SLUG, VARIANT, VARIANTS

    schema = Campaign.model_json_schema()
    own = [key for key in schema["properties"] if key not in (VARIANT, VARIANTS)]
    keys = {key: {"$ref": f"#/properties/{key}"} for key in own}
    part = {"type": "object", "properties": keys, "additionalProperties": False, "minProperties": 1}
    schema["properties"][VARIANTS] |= {"propertyNames": {"pattern": SLUG}, "additionalProperties": part}
    return schema


def resolve(schema: Schema) -> Schema:
    """Follow a reference into the schema's definitions; what stands beside it goes first."""
    while "$ref" in schema:
        target = campaign_schema()["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        schema = {**target, **{k: v for k, v in schema.items() if k != "$ref"}}
    return schema


def schema_at(path: tuple[str | int, ...], data: Any) -> Schema | None:
    """The schema of a key, None where there is none; `data` chooses between kinds."""
    schema, unit = campaign_schema(), None
    for part in path:
        schema = chosen(resolve(schema), data)
        found = _inner(schema, part)
        if found is None:
            return None
        unit = found.get("unit", unit if isinstance(part, int) else None)
        data = _data(data, part)
        schema = found
    schema = resolve(schema)
    return schema | {"unit": unit} if unit else schema


def describe(schema: Schema) -> str:
    """What a schema takes, in words: `finite numbers > 0, Å`."""
    unit = f", {schema['unit']}" if schema.get("unit") else ""
    return _words(resolve(schema)) + unit


def choices(schema: Schema) -> list[str]:
    """The words that a schema takes, where it takes words of a list."""
    schema = resolve(schema)
    if "discriminator" in schema:
        return list(schema["discriminator"]["mapping"])
    own = schema.get("enum", []) + ([schema["const"]] if "const" in schema else [])
    inner = [choice for option in _options(schema) for choice in choices(option)]
    return list(dict.fromkeys([str(c) for c in own] + inner))


def _inner(schema: Schema, part: str | int) -> Schema | None:
    if isinstance(part, int):
        row = schema.get("prefixItems", [])
        return row[part] if part < len(row) else schema.get("items")
    if part in schema.get("properties", {}):
        found: Schema = schema["properties"][part]
        return found
    extra = schema.get("additionalProperties")
    patterns = list(schema.get("patternProperties", {}).values())
    return extra if isinstance(extra, dict) else (patterns[0] if patterns else None)


def chosen(schema: Schema, data: Any) -> Schema:
    """The member of a union that the data are meant to be."""
    if "discriminator" in schema:
        kind = data.get("kind") if isinstance(data, dict) else None
        target = schema["discriminator"]["mapping"].get(str(kind))
        return resolve({"$ref": target}) if target else schema
    for option in map(resolve, _options(schema)):
        if isinstance(data, dict) == _takes_mapping(option):
            return chosen(option, data)
    return schema


def _takes_mapping(schema: Schema) -> bool:
    return (
        schema.get("type") == "object"
        or "discriminator" in schema
        or any(_takes_mapping(resolve(option)) for option in _options(schema))
    )


def _options(schema: Schema) -> list[Schema]:
    found: list[Schema] = schema.get("anyOf") or schema.get("oneOf") or []
    return found


def _data(data: Any, part: str | int) -> Any:
    if isinstance(data, dict):
        return data.get(part)
    inside = isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)
    return data[part] if inside else None


def _words(schema: Schema) -> str:
    told = ("allowed", "discriminator", "anyOf", "oneOf")
    words = next((schema[key] for key in told if key in schema), None)
    if isinstance(words, str):
        return words
    if isinstance(words, dict):
        return f"a mapping whose kind is one of {', '.join(choices(schema))}"
    if isinstance(words, list):
        return " or ".join(describe(option) for option in words)
    if "enum" in schema or "const" in schema:
        return ", ".join(choices(schema))
    return _TYPES.get(str(schema.get("type")), lambda _: "any value")(schema)


def _text_words(schema: Schema) -> str:
    pattern = schema.get("pattern")
    if pattern == ELEMENT:
        return "the symbol of an element, e.g. Co"
    return f"text of the form {pattern}" if pattern else "text"


def _mapping_words(schema: Schema) -> str:
    keys = ", ".join(schema.get("properties", {}))
    return f"a mapping with the keys {keys}" if keys else "a mapping of names to values"


def _list_words(schema: Schema) -> str:
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    number = f"{least} " if least == most else f"{least} or more " if least else ""
    entries = schema.get("items") or (schema.get("prefixItems") or [{}])[0]
    return f"a list of {number}entries: {describe(entries)}"


def _bounds(schema: Schema) -> str:
    if {"minimum", "maximum"} <= schema.keys():
        return f" from {_number(schema['minimum'])} to {_number(schema['maximum'])}"
    signs = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
    found = [f"{sign} {_number(schema[key])}" for key, sign in signs.items() if key in schema]
    return f" {' and '.join(found)}" if found else ""


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


_TYPES: dict[str, Callable[[Schema], str]] = {
    "integer": lambda schema: f"whole numbers{_bounds(schema)}",
    "number": lambda schema: f"finite numbers{_bounds(schema)}",
    "array": _list_words,
    "object": _mapping_words,
    "string": _text_words,
    "boolean": lambda _: "true or false",
    "null": lambda _: "null",
}


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
        yield (inner, *_fault_words(kind, (*path, *inner), data))


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


def _fault_words(kind: str, path: Path, data: Any) -> tuple[str, str]:
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
