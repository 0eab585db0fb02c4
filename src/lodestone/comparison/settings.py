"""What differs in the settings of two campaigns, and which of it makes their numbers incomparable. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from lodestone.comparison.sides import Side

MISSING = "not set"
INCOMPARABLE = {
    "chemical_system": "the candidates are of different systems",
    "model.*": "the structures come from different models, so that a difference need not be guidance's",
    "sha256.model": "the weights of the diffusion model differ",
    "constraints.*.terms*": "what is asked, or how it is measured, is not the same",
    "constraints.*.combine": "losses are combined in another way",
    "constraints.*.satisfied_within": "what counts as satisfied is not the same",
    "energy.estimator.*": "energies, stability and relaxations are by different estimators",
    "energy.relax.*": "relaxations differ, and with them what persists",
    "sha256.energy": "the weights of the estimator differ",
    "references*": "novelty and hull are judged by different known crystals",
    "sha256.references": "the known crystals differ, and with them novelty and hull",
    "symmetrize.*": "structures are symmetrised by other tolerances",
    "screen.*": "structures are screened by other limits",
    "deduplicate.*": "what counts as distinct is not the same",
    "novelty.*": "what counts as known is not the same",
    "hull.shown_below": "the last stage of the attrition ends at another energy",
    "sampling.atoms.*": "the cells have other numbers of atoms",
    "sampling.composition*": "other compositions are given",
    "sampling.template*": "another template is given",
}
"""Keys (patterns) whose difference makes numbers incomparable -> why."""
IDLE = ("campaign", "sha256.candidates", "report.*")
"""Keys that say nothing about the numbers."""


@dataclass(frozen=True)
class Difference:
    """A setting that differs; `warning` says why numbers are not comparable, None where they are."""

    key: str
    a: Any
    b: Any
    warning: str | None

    @property
    def constraint(self) -> str | None:
        """The constraint that it belongs to, if to one."""
        return _constraint_of(self.key)


def differences(a: Side, b: Side, renamed: Mapping[str, str] | None = None) -> list[Difference]:
    """Every key of the settings, and every hash, that differs; those that matter most first.

    `renamed` maps names of constraints of A to those of B that ask for the same. A constraint that only one
    of them has is no difference of a setting: its rates are not compared at all.
    """
    one, other = _flat(a), _flat(b)
    same = {f"constraints.{old}": f"constraints.{new}" for old, new in (renamed or {}).items() if old != new}
    one = {_rename(key, same): value for key, value in one.items()}
    lone = _constraints(one) ^ _constraints(other)
    found = [
        Difference(key, one.get(key, MISSING), other.get(key, MISSING), _warning(key))
        for key in sorted(one | other)
        if one.get(key, MISSING) != other.get(key, MISSING)
        and not _idle(key)
        and _constraint_of(key) not in lone
    ]
    return sorted(found, key=lambda difference: difference.warning is None)


def _constraint_of(key: str) -> str | None:
    parts = key.split(".")
    return parts[1] if parts[0] == "constraints" and len(parts) > 1 else None


def _constraints(settings: Mapping[str, Any]) -> set[str]:
    return {name for key in settings if (name := _constraint_of(key)) is not None}


def _flat(side: Side) -> dict[str, Any]:
    hashes = side.record.get("sha256", {})
    return dict(_leaves(side.config)) | {f"sha256.{key}": value for key, value in hashes.items()}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values; lists of mappings by place, other lists as a whole."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        for i, inner in enumerate(value):
            yield from _leaves(inner, f"{path}.{i}")
    else:
        yield path, value


def _rename(key: str, renamed: Mapping[str, str]) -> str:
    for old, new in renamed.items():
        if key.startswith(f"{old}."):
            return new + key.removeprefix(old)
    return key


def _warning(key: str) -> str | None:
    return next((why for pattern, why in INCOMPARABLE.items() if fnmatchcase(key, pattern)), None)


def _idle(key: str) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in IDLE)
