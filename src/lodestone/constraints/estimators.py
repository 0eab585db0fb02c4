"""The key `estimator` of a term: the same mapping as `energy.estimator`, or null for that one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError, core_schema

from lodestone.constraints.targets import show
from lodestone.schema.sections import PROBLEMS, Problem

ALLOWED = (
    "null for energy.estimator, or a mapping like it: {kind: grace, model: embedded}, {kind: chgnet} or "
    "{kind: ase, calculator: module:attribute}"
)


class EstimatorKey:
    """Annotation of a field that holds a section `energy.estimator` or None.

    The union of all kinds is looked up when a value is validated, not when this module is imported.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _validated, serialization=core_schema.plain_serializer_function_ser_schema(_plain)
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        section = handler(_adapter().core_schema)
        return {"anyOf": [section, {"type": "null"}], "allowed": ALLOWED}


def _adapter() -> TypeAdapter[Any]:
    from lodestone.energies.estimators import Estimator

    return TypeAdapter(Estimator)


def _kinds() -> list[str]:
    from lodestone.energies.estimators import estimator_kinds

    return list(estimator_kinds())


def _validated(data: Any) -> Any:
    if data is None:
        return None
    try:
        return _adapter().validate_python(data)
    except ValidationError as error:
        problems = [p for details in error.errors(include_url=False) for p in _problems(details, data)]
        raise PydanticCustomError(
            PROBLEMS, "{first}", {"first": problems[0][1], PROBLEMS: problems}
        ) from None


def _problems(details: Any, data: Any) -> Iterator[Problem]:
    key, kind = tuple(details["loc"][1:]), details["type"]  # the first part names the section, not a key
    if kind == PROBLEMS:
        yield from (((*key, *inner), wrong, allowed) for inner, wrong, allowed in details["ctx"][PROBLEMS])
    elif not isinstance(data, dict):
        yield (), f"{show(data)} is no mapping", ALLOWED
    elif kind.startswith("union_tag"):
        wrong = f"{show(data['kind'])} is not known" if "kind" in data else "is missing"
        yield ("kind",), wrong, ", ".join(_kinds())
    elif kind == "extra_forbidden":
        yield key, "unknown key", ALLOWED
    else:
        yield key, f"{show(details['input'])}: {details['msg'].lower()}", ALLOWED


def _plain(estimator: Any) -> Any:
    return None if estimator is None else estimator.model_dump(mode="json")
