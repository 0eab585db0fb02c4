"""A campaign: one question to a diffusion model, from the chemical system to the report."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from lodestone.config.arms import sampled_arms
from lodestone.config.sections.constraints import Constraints
from lodestone.config.sections.curation import Deduplicate, Novelty, Screen, Symmetrize
from lodestone.config.sections.energy import Energy, fill_models
from lodestone.config.sections.extra_arm import ExtraArm
from lodestone.config.sections.guidance import Guidance
from lodestone.config.sections.judging import Hull, Report, Statistics
from lodestone.config.sections.model import EMBEDDED, Model, trained_of
from lodestone.config.sections.references import DEFAULT, References
from lodestone.config.sections.sampling import MOST_ATOMS, Sampling
from lodestone.config.variants import NAMES, SLUG
from lodestone.embedded import SYSTEMS
from lodestone.sampling.mattergen.conditions import problems
from lodestone.sampling.mattergen.published import HEAVIEST, NEVER_DRAWN
from lodestone.schema.sections import Listed, Problem, Section, allowed, refuse
from lodestone.structures import elements
from lodestone.structures.elements import ELEMENTS
from lodestone.structures.formulas import faults_of_formulas
from lodestone.text import did_you_mean

EMBEDDED_ELEMENTS = tuple(sorted({element for system in SYSTEMS for element in system.split("-")}))


def _system(text: str) -> str:
    parts = text.split("-")
    unknown = [part for part in parts if part not in elements.ELEMENTS]
    twice = [part for part, n in Counter(parts).items() if n > 1]
    wrong = None
    if unknown:
        wrong = f"{unknown[0]!r} is no element{elements.hint(unknown[0])}"
    elif twice:
        wrong = f"{twice[0]} is there twice"
    if wrong:
        refuse([((), wrong, elements.ALLOWED)])
    return text


class Campaign(Section):
    """Everything that a campaign is made of. Needed: `campaign`, `chemical_system` and `constraints`."""

    campaign: Annotated[str, Field(pattern=SLUG)] = Field(
        description="Name of the campaign; its results lie in results/<campaign>/.",
        json_schema_extra=allowed(
            "lower-case letters, digits and hyphens, up to 64, e.g. li-co-o; not a path"
        ),
    )
    chemical_system: Annotated[str, AfterValidator(_system)] = Field(
        description="Elements that the structures are made of.", json_schema_extra=allowed(elements.ALLOWED)
    )
    model: Model = Field(Model(), description="The diffusion model that draws the structures.")
    sampling: Sampling = Field(Sampling(), description="How many structures are drawn, and how.")
    constraints: Constraints = Field(
        description="What the structures shall fulfil, by name.",
        json_schema_extra=allowed("a mapping of names to constraints, one or more"),
    )
    guidance: Guidance = Field(Guidance(), description="How the sampler is steered.")
    arms: Listed[ExtraArm] = Field(
        (),
        description="Arms whose structures come from elsewhere or from another sampler; everything after "
        "sampling is the same.",
    )
    references: References = Field(
        DEFAULT,  # validated like what a file says
        description="Sources of known crystals, in the order in which they are asked: names, files, "
        "mappings, as in `[alexandria, {name: oqmd, required: true}, mine.yaml]`; see docs/references.md.",
        validate_default=True,
    )
    symmetrize: Symmetrize = Field(Symmetrize(), description="Standardising the samples.")
    screen: Screen = Field(Screen(), description="What is judged further.")
    deduplicate: Deduplicate = Field(Deduplicate(), description="When two structures are the same.")
    novelty: Novelty = Field(Novelty(), description="When a structure is known.")
    energy: Energy = Field(Energy(), description="The potential that judges the structures.")
    hull: Hull = Field(Hull(), description="Energies above the convex hull.")
    statistics: Statistics = Field(Statistics(), description="Tests of whether guidance worked.")
    report: Report = Field(Report(), description="The page for the reader.")
    variant: str | None = Field(
        None,
        pattern=SLUG,
        exclude_if=lambda name: name is None,  # a campaign without variants is dumped without
        description="The one of `variants` that is asked; mostly given on the command line, as "
        "`--config variant=NAME` of snakemake or `--variant NAME` of lodestone.",
        json_schema_extra=allowed("the name of a variant, or null"),
    )
    variants: dict[str, dict[str, Any]] = Field(
        {},
        exclude=True,
        description="Named parts of a campaign; the chosen one goes over the rest of the file, and its "
        "results lie in results/<campaign>-<variant>/ unless it has a `campaign` of its own.",
        json_schema_extra=allowed(f"a mapping of names ({NAMES}) to parts of a campaign"),
    )

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements of the chemical system, sorted."""
        return tuple(sorted(self.chemical_system.split("-")))

    @property
    def canonical_system(self) -> str:
        """The chemical system with its elements sorted."""
        return "-".join(self.elements)

    @model_validator(mode="before")
    @classmethod
    def _estimator_follows_checkpoint(cls, data: Any) -> Any:
        return fill_models(data)

    @model_validator(mode="after")
    def _sections_agree(self) -> Campaign:
        refuse(
            [
                *self._foreign_elements(),
                *self._unknown_to_embedded(),
                *self._never_drawn(),
                *self._too_few_atoms(),
                *self._other_composition(),
                *self._extra_arms(),
                *self._compositions(),
            ]
        )
        return self

    def _foreign_elements(self) -> list[Problem]:
        return [
            (
                ("constraints", name, "terms", i, *_key_of(term, element)),
                f"{element} is not in the chemical system {self.chemical_system}",
                ", ".join(self.elements),
            )
            for name, constraint in self.constraints.items()
            for i, term in enumerate(constraint.terms)
            for element in dict.fromkeys(term.elements)
            if element not in self.elements
        ]

    def _unknown_to_embedded(self) -> list[Problem]:
        """The embedded checkpoint and estimator know a few elements only, and would guess at others."""
        others = self.energy.others
        uses = {
            "model.checkpoint": self.model.checkpoint == EMBEDDED,
            "energy.estimator": self.energy.estimator.is_embedded(),
            "energy.estimators": any(other.is_embedded() for other in others),
        }
        unknown = [e for e in self.elements if e not in EMBEDDED_ELEMENTS]
        wrong = f"{', '.join(unknown)} not known to the embedded model of "
        return [
            (("chemical_system",), f"{wrong}{key}", f"{', '.join(EMBEDDED_ELEMENTS)}; or another {key}")
            for key, used in uses.items()
            if used and unknown
        ]

    def _too_few_atoms(self) -> list[Problem]:
        atoms = self.sampling.atoms
        if atoms.most >= len(self.elements):
            return []
        key = next((k for k in ("distribution", "exactly") if getattr(atoms, k) is not None), "max")
        wrong = f"{atoms.most} atoms cannot hold the {len(self.elements)} elements of {self.chemical_system}"
        return [(("sampling", "atoms", key), wrong, f"numbers from {len(self.elements)} on")]

    def _extra_arms(self) -> list[Problem]:
        draws = self.sampling.structures > 0
        if not (draws or self.arms):
            wrong = "nothing is drawn, and `arms` names no structures from elsewhere"
            return [(("sampling", "structures"), wrong, "whole numbers from 1 on; or 0 beside `arms`")]
        taken = [arm.name for arm in sampled_arms(self)] if draws else []
        found: list[Problem] = []
        for i, arm in enumerate(self.arms):
            if arm.name in [*taken, *(other.name for other in self.arms[:i])]:
                found.append((("arms", i, "name"), f"there is another arm {arm.name!r}", "a name of its own"))
            if arm.constraint is not None and arm.constraint not in self.constraints:
                wrong = f"no constraint {arm.constraint!r}{did_you_mean(arm.constraint, self.constraints)}"
                found.append((("arms", i, "constraint"), wrong, ", ".join(self.constraints)))
            if arm.made and (in_the_way := self._template_in_the_way(arm)):
                found.append((("arms", i, "sampler"), *in_the_way))
            if arm.made:
                wrong_there = self._conditions(arm)
                found += [(("arms", i, "sampler", *key), what, right) for key, what, right in wrong_there]
            if arm.made and not draws:
                wrong = f"the sampler {arm.made} draws nothing where sampling.structures is 0"
                found.append((("arms", i, "sampler"), wrong, "sampling.structures from 1 on"))
            if arm.role != "imported" and draws:
                wrong = f"{arm.role!r} beside arms that are drawn"
                found.append((("arms", i, "role"), wrong, "imported; or sampling.structures: 0"))
            elif arm.role in {"unguided", "control"} and arm.role in [a.role for a in self.arms[:i]]:
                wrong = f"{arm.role!r} is there twice"
                found.append((("arms", i, "role"), wrong, "one arm in the role unguided, one in control"))
        return found

    def _conditions(self, arm: ExtraArm) -> list[Problem]:
        """What the checkpoint cannot be conditioned on in an arm; the model's own conditions are good."""
        name = self.model.checkpoint
        asked = arm.sampling.conditioned(self.model.conditions, self.model.guidance_factor)
        return problems(name, trained_of(name), *asked)

    def _never_drawn(self) -> list[Problem]:
        """Elements that MatterGen's generator excludes, whatever the checkpoint."""
        drawn = ELEMENTS[: ELEMENTS.index(HEAVIEST) + 1]
        never = [e for e in self.elements if e in NEVER_DRAWN or e not in drawn]
        if not never or not self.sampling.structures or self.model.checkpoint == EMBEDDED:
            return []
        wrong = f"{', '.join(never)} is never drawn by MatterGen"
        known = f"elements up to {HEAVIEST} without {', '.join(NEVER_DRAWN)}"
        return [(("chemical_system",), wrong, f"{known}; or sampling.structures: 0")]

    def _template_in_the_way(self, arm: ExtraArm) -> tuple[str, str] | None:
        """What a sampler cannot hold: a search moves positions and cell, proposals bring their own atoms."""
        template, sampler = self.sampling.template, arm.sampling
        if template is None:
            return None
        if sampler.needs_proposals:
            return f"the sampler {arm.made} knows no sampling.template", "no template beside it"
        if sampler.uses_forces and tuple(template.fix) != ("types",):
            held = ", ".join(template.fix)
            return f"the sampler {arm.made} moves what sampling.template.fix holds: {held}", "fix: [types]"
        if not sampler.uses_network and template.atoms is not None:
            return f"the sampler {arm.made} needs the types of all atoms", "sampling.template.atoms: null"
        return None

    def _compositions(self) -> list[Problem]:
        """Formulas that a sampler is asked for: there must be one, of all elements of the system."""
        found: list[Problem] = []
        for i, arm in enumerate(self.arms):
            if arm.made and arm.sampling.needs_proposals:
                key = ("arms", i, "sampler", "compositions")
                wrong = faults_of_formulas(
                    arm.sampling.compositions, self.elements, self.sampling.composition, MOST_ATOMS
                )
                found += [(key if at is None else (*key, at), what, right) for at, what, right in wrong]
        return found

    def _other_composition(self) -> list[Problem]:
        found = self.sampling.outside(self.elements)
        return [(("sampling", *key), wrong, allowed) for key, wrong, allowed in found]


def _key_of(term: Any, element: str) -> tuple[str, ...]:
    """The key of a term whose value is this element, where there is one."""
    keys = [name for name in type(term).model_fields if getattr(term, name) == element]
    return tuple(keys[:1])
