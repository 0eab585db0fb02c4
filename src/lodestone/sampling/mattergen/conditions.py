"""The properties that a checkpoint is conditioned on, and what may be asked of it.

A network answers only what it was trained on. One whose conditions were dropped all at once knows them
together or not at all; one whose conditions were never dropped knows no unconditional score.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from lodestone.sampling.mattergen.published import LOGARITHMIC, PUBLISHED, UNCONDITIONAL
from lodestone.schema.sections import Problem

SYSTEM = "chemical_system"
"""The property that the campaign's own chemical system conditions."""
UNITS: Mapping[str, str] = {
    "dft_mag_density": "µB/Å³",
    "dft_bulk_modulus": "GPa",
    "dft_shear_modulus": "GPa",
    "energy_above_hull": "eV/atom",
    "formation_energy_per_atom": "eV/atom",
    "space_group": "",
    "hhi_score": "",
    "ml_bulk_modulus": "GPa",
    "dft_band_gap": "eV",
}
"""Every property but the chemical system that MatterGen's code takes, with its unit."""
ANY_SIGN = ("energy_above_hull", "formation_energy_per_atom")
SPACE_GROUPS = 230


@dataclass(frozen=True)
class Trained:
    """What a checkpoint was conditioned on.

    fields: its properties, sorted. unconditional: share of its training structures whose conditions were
    dropped; 0: never. independent: whether each condition was dropped by itself. masks: whether its own
    configuration excludes the elements that do not come; else the generator adds that.
    """

    fields: tuple[str, ...]
    unconditional: float
    independent: bool = False
    masks: bool = False

    def used(self, conditions: Iterable[str], factor: float) -> tuple[str, ...]:
        """The properties that a sample is conditioned on, sorted; none at factor 0.

        The chemical system is one of them wherever the checkpoint knows it.
        """
        if factor == 0:
            return ()
        return tuple(sorted({*conditions, *({SYSTEM} & set(self.fields))}))


def trained(config: Mapping[str, Any]) -> Trained:
    """What a vetted config.yaml says of its conditions; raises ValueError where it describes no model."""
    module = (config.get("lightning_module") or {}).get("diffusion_module") or {}
    model, dropped = module.get("model"), module.get("pre_corruption_fn") or {}
    if not isinstance(model, Mapping) or not isinstance(dropped, Mapping):
        message = "config.yaml describes no model in lightning_module.diffusion_module.model"
        raise ValueError(message)  # noqa: TRY004  # what is wrong is a file's content
    fields = [*(model.get("property_embeddings") or {}), *(model.get("property_embeddings_adapt") or {})]
    known = sorted(field for field in fields if field in UNITS or field == SYSTEM)
    return Trained(
        tuple(known),
        float(dropped.get("p_unconditional", 0.0)),
        bool(dropped.get("dropout_fields_iid", False)),
        model.get("element_mask_func") is not None,
    )


def trained_of_published(name: str) -> Trained:
    """What a published checkpoint was conditioned on."""
    return Trained(tuple(sorted(PUBLISHED[name])), UNCONDITIONAL)


def problems(
    checkpoint: str, known: Trained, conditions: Mapping[str, float], factor: float
) -> list[Problem]:
    """What is wrong with what is asked of a checkpoint, and with γ; keys as in the section `model`."""
    found = _unknown(checkpoint, known, conditions)
    if found:
        return found
    found = [p for name, value in conditions.items() if (p := _outside(name, value)) is not None]
    used = known.used(conditions, factor)
    plain = "0 or 1"
    if factor == 0 and conditions:
        wrong = "0 takes the model without conditions, beside model.conditions"
        found.append((("guidance_factor",), wrong, "a factor above 0; or no conditions"))
    if factor not in {0, 1} and not known.fields:
        wrong = f"{factor:g} doubles the work for nothing: {checkpoint!r} has no conditions"
        found.append((("guidance_factor",), wrong, plain))
    if factor != 1 and known.fields and known.unconditional == 0:
        wrong = f"{checkpoint!r} was trained with its conditions always on and knows no score without them"
        found.append((("guidance_factor",), wrong, "1"))
    missing = [name for name in known.fields if name not in used]
    if factor != 0 and missing and (not known.independent or not used):
        told = "" if len(known.fields) == 1 else "; it knows its conditions together or not at all"
        wrong = f"{checkpoint!r} lacks its condition {' and '.join(map(_named, missing))}{told}"
        found.append((("conditions",), wrong, f"{_told(known)}; or guidance_factor: 0, without conditions"))
    return found


def words(
    known: Trained, system: str, conditions: Mapping[str, float], factor: float, *, masked: bool
) -> str:
    """What a sample is conditioned on and what keeps it inside the chemical system, for a log."""
    asked = {SYSTEM: system, **{name: _valued(name, value) for name, value in conditions.items()}}
    on = [f"{name} {asked[name]}" for name in known.used(conditions, factor)]
    said = f"conditioned on {', '.join(on)} (γ = {factor:g})" if on else "no condition"
    if masked:
        why = "γ is 0" if SYSTEM in known.fields else f"the checkpoint has no condition {SYSTEM}"
        said += f"; a mask on the types keeps structures inside {system}, for {why}"
    return said


def _valued(name: str, value: float) -> str:
    return f"{value:g} {UNITS[name]}".strip()


def _unknown(checkpoint: str, known: Trained, conditions: Mapping[str, float]) -> list[Problem]:
    found: list[Problem] = []
    for name in conditions:
        if name == SYSTEM:
            wrong = "the campaign's own chemical_system is the condition"
            found.append((("conditions", name), wrong, "no such key here"))
        elif name not in known.fields:
            wrong = f"{checkpoint!r} was not trained on {name!r}"
            found.append((("conditions", name), wrong, _told(known)))
    return found


def _outside(name: str, value: float) -> Problem | None:
    unit = f" {UNITS[name]}" if UNITS[name] else ""
    key = ("conditions", name)
    if name == "space_group":
        right = "a whole number from 1 to 230"
        fine = float(value).is_integer() and 1 <= value <= SPACE_GROUPS
    elif name in LOGARITHMIC:
        right, fine = f"a number above 0{unit}", value > 0
    elif name in ANY_SIGN:
        right, fine = f"a number{unit}", True
    else:
        right, fine = f"a number from 0 on{unit}", value >= 0
    return None if fine and isfinite(value) else (key, f"{value:g} is outside", right)


def _told(known: Trained) -> str:
    own = [_named(name) for name in known.fields if name != SYSTEM]
    return ", ".join(own) if own else "no conditions"


def _named(name: str) -> str:
    return f"{name} ({UNITS[name]})" if UNITS.get(name) else name
