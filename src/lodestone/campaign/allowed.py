"""Says in words what a key of a campaign file takes, from the JSON schema of its section."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

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
