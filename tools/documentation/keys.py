"""The keys of a section as the documentation tells them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from lodestone.config.faults import describe
from lodestone.constraints import Term
from lodestone.constraints.targets import Target
from lodestone.schema.yaml_reader import scalar

SPECIAL = set(":#{}[],&*!|>'\"%@`")


@dataclass(frozen=True)
class Key:
    """A key: what it takes in words, its meaning, and its default."""

    name: str
    takes: str
    meaning: str
    needed: bool
    default: Any


@lru_cache(maxsize=64)
def keys(model: type[BaseModel]) -> tuple[Key, ...]:
    """The keys of a section, in its order."""
    properties = model.model_json_schema()["properties"]
    return tuple(
        Key(
            name=name,
            takes=describe(properties[name]),
            meaning=info.description or (first_line(model) if name == "kind" else ""),
            needed=info.is_required(),
            default=None if info.is_required() else info.default,
        )
        for name, info in model.model_fields.items()
    )


def first_line(model: type[BaseModel]) -> str:
    """What a section says of itself."""
    return (model.__doc__ or "").strip().splitlines()[0]


def units(model: type[Term]) -> str:
    """The unit of a term's value, target and tolerance, in words."""
    unit: Any = model.unit
    if isinstance(unit, property):
        return (unit.__doc__ or "").rstrip(".")
    return unit or "none (a pure number)"


def example(model: type[Term]) -> Term:
    """A term with what the documentation writes for the keys that are needed."""
    return model.model_validate({"kind": model.model_fields["kind"].default} | dict(model.example))


def flow(value: Any) -> str:
    """A value as YAML in one line."""
    if isinstance(value, Target):
        return flow(value.plain())
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, str | Path):
        value = str(value)
        plain = isinstance(scalar(value), str) and not set(value) & SPECIAL
        return value if plain else json.dumps(value, ensure_ascii=False)
    return repr(value)
