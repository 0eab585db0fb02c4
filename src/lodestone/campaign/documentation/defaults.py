"""config/default.yaml: a campaign with every key, its default and what it means."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from lodestone.campaign.config import Campaign
from lodestone.campaign.documentation.keys import flow, keys
from lodestone.campaign.sections.energy import Ase, Chgnet
from lodestone.campaign.sections.guidance import Particles

EXAMPLE: dict[str, Any] = {
    "campaign": "my-campaign",
    "chemical_system": "Li-Co-O",
    "constraints": {
        "co_o_4": {
            "terms": [{"kind": "coordination", "center": "Co", "neighbor": "O", "target": 4}],
            "satisfied_within": 0.5,
        },
        "volume_15": {
            "terms": [{"kind": "volume_per_atom", "target": 15}],
            "satisfied_within": 0.5,
        },
    },
}
"""Values of the keys that have no default."""
WIDTH = 96
HEAD = """\
# yaml-language-server: $schema=schema.json
# Every key of a campaign with its default; keys without one are needed and have an example.
# Made by `python -m lodestone.campaign.documentation`; not edited by hand.
"""


def default_yaml() -> str:
    """A campaign that is complete: it can be checked and run."""
    lines = _entries(Campaign.model_validate(EXAMPLE), apart=True)
    return HEAD + "\n".join(line.rstrip() for line in lines) + "\n"


def _entries(model: BaseModel, *, apart: bool = False) -> Iterator[str]:
    for key in keys(type(model)):
        value = getattr(model, key.name)
        takes = "" if isinstance(value, BaseModel | dict) and value else f" ({key.takes})"
        needed = "Needed. " if key.needed else ""
        if apart:
            yield ""
        yield from _comment(f"{needed}{key.meaning}{takes}")
        yield from _value(key.name, value)
        for other in _alternatives(key.name, value):
            yield f"# {key.name}:"
            yield from (f"#   {line}" for line in _entries(other))


def _alternatives(name: str, value: Any) -> tuple[BaseModel, ...]:
    """What stands in comments behind a key that could be something else."""
    if name == "particles" and value is None:
        return (Particles(),)
    return (Chgnet(), Ase(calculator="ase.calculators.emt:EMT")) if name == "estimator" else ()


def _value(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield f"{name}:"
        yield from (f"  {line}" for line in _entries(value))
    elif isinstance(value, dict) and value:
        yield f"{name}:"
        for key, inner in value.items():
            yield f"  {key}:"
            yield from (f"    {line}" for line in _entries(inner))
    elif isinstance(value, tuple) and isinstance(value[0], BaseModel):
        yield f"{name}:"
        for item in value:
            yield from _item(item)
    else:
        yield f"{name}: {flow(value)}"


def _item(item: BaseModel) -> Iterator[str]:
    """An entry of a list; its dash stands before the first line that is no comment."""
    dash = "- "
    for line in _entries(item):
        if line.startswith("#"):
            yield f"    {line}"
        else:
            yield f"  {dash}{line}"
            dash = "  "


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
