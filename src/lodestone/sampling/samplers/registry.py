"""The samplers that an arm can name, and the one of an arm that names none."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Union

from pydantic import Field, TypeAdapter

from lodestone import plugins
from lodestone.sampling import samplers
from lodestone.sampling.samplers.base import Drawer, Job, Sampler

GROUP = "samplers"
"""Entry points of other packages: `lodestone.samplers`."""


@cache
def sampler_models() -> dict[str, type[Sampler]]:
    """Every sampler by its `kind`."""
    return plugins.kinds(samplers, Sampler, GROUP)


AnySampler: Any = Annotated[Union[tuple(sampler_models().values())], Field(discriminator="kind")]  # noqa: UP007


def drawer(job: Job) -> Drawer:
    """What draws the shard of a job; raises ValueError for an unknown sampler."""
    settings = {key: value for key, value in job.settings.get("sampler", {}).items() if key != "version"}
    if not settings:
        from lodestone.sampling.samplers import guided

        return guided.drawer(job)
    if settings["kind"] not in sampler_models():
        raise ValueError(f"no sampler {settings['kind']!r}; there are: {', '.join(sampler_models())}")
    sampler: Sampler = TypeAdapter(AnySampler).validate_python(settings)
    return sampler.drawer(job)
