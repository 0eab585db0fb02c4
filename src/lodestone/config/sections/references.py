"""Which sources of known crystals a campaign asks, in which order."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, InstanceOf, PlainSerializer
from pydantic_core import core_schema

from lodestone.references.descriptions import (
    DescriptionError,
    allowed,
    database_names,
    describe,
    resolve,
    source_kinds,
)
from lodestone.references.source import Source
from lodestone.schema.sections import Problem, refuse

DEFAULT = ("embedded",)


class _Entries:
    """The JSON schema of the list: names, files, whole descriptions, and names with keys on top."""

    def __get_pydantic_json_schema__(
        self, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        kinds = [_of_kind(kind, model, handler) for kind, model in source_kinds().items()]
        name = {"type": "string", "examples": list(database_names())}
        shipped = {
            "type": "object",
            "properties": {"name": {"enum": list(database_names())}},
            "required": ["name"],
        }
        items = {"anyOf": [name, *kinds, shipped], "allowed": f"{allowed()}; each once"}
        return {"type": "array", "items": items, "minItems": 1}


def _of_kind(kind: str, model: type[Source], handler: GetJsonSchemaHandler) -> dict[str, Any]:
    """A reference to the definition of a kind, to which the key `kind` is added."""
    found = handler(model.__pydantic_core_schema__)
    definition = handler.resolve_ref_schema(found)
    named = {"const": kind, "type": "string", "description": "Kind of source."}
    definition["properties"] = {"kind": named, **definition["properties"]}
    definition["required"] = ["kind", *(k for k in definition.get("required", []) if k != "kind")]
    return found


def _resolved(entries: Any) -> Any:
    """The sources of the entries; what is no list is left for pydantic to refuse."""
    if not isinstance(entries, list | tuple):
        return entries
    found, problems = list[Source](), list[Problem]()
    for i, entry in enumerate(entries):
        try:
            source = resolve(entry)
        except DescriptionError as error:
            problems += [((i, *key), wrong, fix) for key, wrong, fix in error.problems]
            continue
        if source.name in [other.name for other in found]:
            problems.append(((i,), f"{source.name} is there twice", f"{allowed()}; each name once"))
        found.append(source)
    refuse(problems)
    return tuple(found)


References = Annotated[
    tuple[InstanceOf[Source], ...],
    Field(min_length=1),
    BeforeValidator(_resolved),
    PlainSerializer(lambda sources: [describe(source) for source in sources]),
    _Entries(),
]
"""Sources in their order, from a list of names, files and mappings."""
