"""Finds every descriptor in `descriptors/` and builds the union that the configuration accepts."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Union

from pydantic import Field, TypeAdapter

from lodestone.constraints import descriptors
from lodestone.constraints.term import Term


@lru_cache(maxsize=1)
def term_models() -> dict[str, type[Term]]:
    """Every term model by its `kind`, sorted."""
    models: dict[str, type[Term]] = {}
    for info in pkgutil.iter_modules(descriptors.__path__):
        module = importlib.import_module(f"{descriptors.__name__}.{info.name}")
        for member in vars(module).values():
            own = getattr(member, "__module__", None) == module.__name__
            if own and isinstance(member, type) and issubclass(member, Term):
                models[member.model_fields["kind"].default] = member
    return dict(sorted(models.items()))


AnyTerm: Any = Annotated[Union[tuple(term_models().values())], Field(discriminator="kind")]  # noqa: UP007


def terms_of(constraint: Mapping[str, Any]) -> list[Term]:
    """The term models of a constraint's settings."""
    adapter: TypeAdapter[list[Term]] = TypeAdapter(list[AnyTerm])
    return adapter.validate_python(list(constraint["terms"]))
