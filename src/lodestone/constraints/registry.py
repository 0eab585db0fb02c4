"""Every descriptor of `descriptors/` and of other packages, and the union that the configuration accepts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Union

from pydantic import Field, TypeAdapter

from lodestone import plugins
from lodestone.constraints import descriptors
from lodestone.constraints.term import Term

GROUP = "descriptors"
"""Entry points of other packages: `lodestone.descriptors`."""


@cache
def term_models() -> dict[str, type[Term]]:
    """Every term model by its `kind`, sorted."""
    return plugins.kinds(descriptors, Term, GROUP)


AnyTerm: Any = Annotated[Union[tuple(term_models().values())], Field(discriminator="kind")]  # noqa: UP007


def terms_of(constraint: Mapping[str, Any]) -> list[Term]:
    """The term models of a constraint's settings."""
    adapter: TypeAdapter[list[Term]] = TypeAdapter(list[AnyTerm])
    return adapter.validate_python(list(constraint["terms"]))
