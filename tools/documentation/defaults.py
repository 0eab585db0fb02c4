"""config/default.yaml: a campaign with every key, its default and what it means."""

from __future__ import annotations

import textwrap
from collections.abc import Container, Iterator
from typing import Any

from pydantic import BaseModel

from lodestone.config.campaign import Campaign
from lodestone.config.sections.extra_arm import ExtraArm
from lodestone.config.sections.guidance import Automatic, Particles, Pilot
from lodestone.config.sections.sampling import Template
from lodestone.constraints import Term, term_models
from lodestone.energies.estimators.ase import Ase
from lodestone.energies.estimators.chgnet import Chgnet
from lodestone.references.descriptions import examples
from lodestone.references.source import Source
from lodestone.sampling.samplers.registry import sampler_models
from tools.documentation.keys import example, flow, keys

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
FIRST_KIND = EXAMPLE["constraints"]["co_o_4"]["terms"][0]["kind"]
SHARED = Term.model_fields.keys() - {"kind", "target"}
WIDTH = 96
HEAD = """\
# yaml-language-server: $schema=schema.json
# Every key of a campaign with its default; keys without one are needed and have an example.
# Made by `python -m tools.documentation`; not edited by hand.
"""


def default_yaml() -> str:
    """A campaign that is complete: it can be checked and run."""
    lines = _entries(Campaign.model_validate(EXAMPLE), apart=True)
    return HEAD + "\n".join(line.rstrip() for line in lines) + "\n"


def _entries(model: BaseModel, *, apart: bool = False, leave_out: Container[str] = ()) -> Iterator[str]:
    if isinstance(model, Source):
        yield f"kind: {model.kind}"
    for key in keys(type(model)):
        if key.name in leave_out:
            continue
        value = getattr(model, key.name)
        takes = "" if isinstance(value, BaseModel | dict) and value else f" ({key.takes})"
        needed = "Needed. " if key.needed else ""
        if apart:
            yield ""
        yield from _comment(f"{needed}{key.meaning}{takes}")
        yield from _value(key.name, value)
        for other in _alternatives(key.name, value):
            yield f"# {key.name}:"
            listed = isinstance(value, tuple) and key.name != "strengths"
            yield from (f"# {line}" for line in (_item(other) if listed else _indented(other)))
        if key.name == "terms" and value[0].kind == FIRST_KIND:
            yield "# other kinds of terms, with the keys that are their own:"
            yield from (f"# {line}" for other in _other_terms() for line in _item(other, own=True))


def _indented(model: BaseModel) -> Iterator[str]:
    return (f"  {line}" for line in _entries(model))


def _alternatives(name: str, value: Any) -> tuple[BaseModel, ...]:
    """What stands in comments behind a key that could be something else."""
    if name == "particles" and value is None:
        return (Particles(),)
    if name == "template" and value is None:
        # not validated: the file need not be there
        return (Template.model_construct(file="crystal.cif", fix=("cell",), atoms=None),)
    if name == "arms":  # not validated, for the same reason
        elsewhere = ExtraArm.model_construct(name="mine", structures="mine.extxyz", constraint="co_o_4")
        drawn = (
            ExtraArm.model_construct(name=kind, sampler=model()) for kind, model in sampler_models().items()
        )
        return (elsewhere, *drawn)
    if name == "strengths":
        return (Automatic(auto=Pilot()),)
    if name == "references":
        return tuple(source for source in examples() if source not in value)
    return (Chgnet(), Ase(calculator="ase.calculators.emt:EMT")) if name == "estimator" else ()


def _value(name: str, value: Any) -> Iterator[str]:
    if name == "references":
        yield f"{name}: {flow([source.name for source in value])}"
    elif isinstance(value, BaseModel):
        yield f"{name}:"
        yield from (f"  {line}" for line in _entries(value))
    elif isinstance(value, dict) and value:
        yield f"{name}:"
        for key, inner in value.items():
            yield f"  {key}:"
            yield from (f"    {line}" for line in _entries(inner))
    elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        yield f"{name}:"
        for item in value:
            yield from _item(item)
    else:
        yield f"{name}: {flow(value)}"


def _other_terms() -> Iterator[Term]:
    """An example of every kind of term that `EXAMPLE` does not show."""
    shown = {term["kind"] for c in EXAMPLE["constraints"].values() for term in c["terms"]}
    return (example(model) for kind, model in term_models().items() if kind not in shown)


def _item(item: BaseModel, *, own: bool = False) -> Iterator[str]:
    """An entry of a list; its dash stands before the first line that is no comment."""
    dash = "- "
    for line in _entries(item, leave_out=SHARED if own else ()):
        if line.startswith("#"):
            yield f"    {line}"
        else:
            yield f"  {dash}{line}"
            dash = "  "


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
