"""The samplers that an arm can name: one file of this package each, with one section that has a `kind`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache
from typing import Annotated, Any, Union

from pydantic import Field

from lodestone.campaign.sections import samplers
from lodestone.campaign.sections.sampler import Sampler


@lru_cache(maxsize=1)
def sampler_models() -> dict[str, type[Sampler]]:
    """Every section of a sampler by its `kind`, sorted."""
    found: dict[str, type[Sampler]] = {}
    for info in pkgutil.iter_modules(samplers.__path__):
        if info.name == "union":
            continue
        module = importlib.import_module(f"{samplers.__name__}.{info.name}")
        for member in vars(module).values():
            own = getattr(member, "__module__", None) == module.__name__
            is_section = own and isinstance(member, type) and issubclass(member, Sampler)
            if is_section and "kind" in member.model_fields:
                found[member.model_fields["kind"].default] = member
    return dict(sorted(found.items()))


AnySampler: Any = Annotated[Union[tuple(sampler_models().values())], Field(discriminator="kind")]  # noqa: UP007
