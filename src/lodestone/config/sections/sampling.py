"""How many structures are drawn, in which portions, and what of them is known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lodestone.config.sections.guidance import FieldName
from lodestone.schema.sections import Listed, Problem, Section, allowed, refuse
from lodestone.structures import elements as symbols

MOST_ATOMS = 200
AtomCount = Annotated[int, Field(ge=1, le=MOST_ATOMS)]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, le=1)]
ATOMS_PER_UNIT = "a mapping of elements to whole numbers, e.g. {Li: 1, Co: 1, O: 2}"
SHARES = "a mapping of numbers of atoms from 1 to 200 to shares that add up to 1, e.g. {4: 0.5, 8: 0.5}"


class Atoms(Section):
    """Atoms per cell; sizes follow the checkpoint's own distribution within the bounds."""

    min: AtomCount = Field(1, description="Fewest atoms per cell.")
    max: AtomCount = Field(20, description="Most atoms per cell.")
    exactly: AtomCount | None = Field(
        None, description="The same number of atoms in every cell, in place of `min` and `max`."
    )
    distribution: Annotated[dict[str, Share], Field(min_length=1)] | None = Field(
        None,
        description="Share of each number of atoms, in place of `min`, `max` and `exactly`.",
        json_schema_extra=allowed(f"{SHARES}, or null"),
    )

    @model_validator(mode="after")
    def _agree(self) -> Atoms:
        if self.distribution is not None:
            refuse([*self._wrong_sizes(self.distribution), *self._second_choice()])
        elif self.min > self.max:
            wrong = f"{self.min} is more than sampling.atoms.max = {self.max}"
            refuse([(("min",), wrong, "numbers up to sampling.atoms.max")])
        return self

    def _wrong_sizes(self, shares: dict[str, float]) -> list[Problem]:
        names = [n for n in shares if not (n.isdecimal() and 1 <= int(n) <= MOST_ATOMS)]
        found: list[Problem] = [(("distribution", n), f"{n} is no number of atoms", SHARES) for n in names]
        total = sum(shares.values())
        if abs(total - 1) > 1e-6:
            found.append((("distribution",), f"the shares add up to {total:g}", SHARES))
        return found

    def _second_choice(self) -> list[Problem]:
        plain = type(self)()
        return [
            ((name,), "stands beside sampling.atoms.distribution", "one of the two")
            for name in ("min", "max", "exactly")
            if getattr(self, name) != getattr(plain, name)
        ]

    @property
    def most(self) -> int:
        """The largest cell that can be drawn."""
        if self.distribution is not None:
            return max(map(int, self.distribution))
        return self.max if self.exactly is None else self.exactly


class Template(Section):
    """Inpainting: parts of a known crystal that are held while the rest is drawn."""

    file: str = Field(
        description="The crystal, in any format that ASE reads (CIF, POSCAR, extended XYZ), relative to the "
        "folder that the command runs in. Every structure has its number of atoms.",
        json_schema_extra=allowed("the path of a crystal's file"),
    )
    fix: Annotated[Listed[FieldName], Field(min_length=1)] = Field(
        ("cell",), description="What is held at the crystal's values: positions, cell, types."
    )
    atoms: Annotated[Listed[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None = Field(
        None,
        description="Atoms whose positions and types are held, numbered from 0 as ASE reads the file; null: "
        "all. The others are drawn anew.",
    )

    @model_validator(mode="after")
    def _readable(self) -> Template:
        refuse([*self._twice("fix", self.fix), *self._twice("atoms", self.atoms or ())])
        refuse(self._unreadable())
        return self

    def _twice(self, key: str, entries: Sequence[str | int]) -> list[Problem]:
        return [
            ((key, i), f"{entry} is there twice", "each entry once")
            for i, entry in enumerate(entries)
            if entry in entries[:i]
        ]

    def _unreadable(self) -> list[Problem]:
        from lodestone.sampling.template import TemplateError, read_crystal

        if not Path(self.file).is_file():
            return [(("file",), f"there is no file {self.file!r}", "the path of a crystal's file")]
        try:
            numbers, _, _ = read_crystal(Path(self.file))
        except TemplateError as error:
            return [(("file",), str(error), "an ordered crystal in a format that ASE reads")]
        return [
            (("atoms", i), f"{self.file} has no atom {atom}", f"numbers from 0 to {len(numbers) - 1}")
            for i, atom in enumerate(self.atoms or ())
            if atom >= len(numbers)
        ]


class Sampling(Section):
    """Sizes, portions, seed, what is known beforehand, and the sampler's own settings."""

    structures: Annotated[int, Field(ge=0, le=10_000_000)] = Field(
        1000, description="Structures drawn in each arm; 0 draws none, and only those of `arms` are judged."
    )
    shard: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        250, description="Structures per job; a shard is the unit of work and of resume."
    )
    batch_size: Annotated[int, Field(ge=1, le=100_000)] | Literal["auto"] = Field(
        "auto",
        description="Most structures per batch of the network; auto: 32 on a CPU, on a GPU what fills its "
        "memory. A batch that does not fit is halved.",
    )
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(
        0,
        description="Seed of the campaign; arms, shards and batches derive theirs from it.",
        json_schema_extra=allowed("whole numbers from 0 to 2^63 - 1"),
    )
    atoms: Atoms = Field(Atoms(), description="Atoms per cell.")
    composition: Annotated[dict[str, Positive], Field(min_length=1)] | None = Field(
        None,
        description="Fixed composition: atoms of each element per formula unit. Types are known from the "
        "start, and the number of atoms follows.",
        json_schema_extra=allowed(f"{ATOMS_PER_UNIT}, or null"),
    )
    formula_units: Annotated[Listed[Positive], Field(min_length=1)] = Field(
        (1,), description="Formula units of `composition` per cell; each number equally often."
    )
    template: Template | None = Field(
        None, description="Inpainting: parts of a known crystal that every structure keeps; null: none."
    )
    steps: Annotated[int, Field(ge=2, le=100_000)] | None = Field(
        None, description="Denoising steps; null takes the number that the checkpoint was trained with."
    )
    corrector: Literal["upstream", "per_structure"] = Field(
        "upstream",
        description="Step size of the Langevin corrector: MatterGen's own, averaged over the batch, or one "
        "per structure, which makes a structure independent of the others in its batch.",
    )
    tf32: bool = Field(
        default=False,
        description="Whether a GPU may round to TF32 what it multiplies in the network's dense layers; all "
        "else stays float32. It has no effect on a CPU.",
        exclude_if=lambda tf32: not tf32,  # samples drawn without stay what they are
    )

    @model_validator(mode="after")
    def _agree(self) -> Sampling:
        refuse([*self._wrong_composition(), *self._second_choice()])
        return self

    @property
    def most_atoms(self) -> int:
        """The largest cell that can be drawn."""
        if self.composition is not None:
            return sum(self.composition.values()) * max(self.formula_units)
        return self.atoms.most

    def outside(self, elements: Sequence[str]) -> list[Problem]:
        """Faults where the composition is not one of all `elements` of the chemical system."""
        if self.composition is None:
            return []
        system = ", ".join(elements)
        foreign: list[Problem] = [
            (("composition", e), f"{e} is not in the chemical system", system)
            for e in self.composition
            if e not in elements
        ]
        missing = [e for e in elements if e not in self.composition]
        wrong = f"lacks {', '.join(missing)} of the chemical system"
        return foreign or ([(("composition",), wrong, f"numbers for {system}")] if missing else [])

    def _wrong_composition(self) -> list[Problem]:
        found: list[Problem] = [
            (("composition", e), f"{e!r} is no element{symbols.hint(e)}", "symbols of elements, e.g. Co")
            for e in self.composition or ()
            if e not in symbols.ELEMENTS
        ]
        if self.composition is None and self.formula_units != (1,):
            wrong = "stands without sampling.composition"
            found.append((("formula_units",), wrong, "a composition beside it"))
        units = self.formula_units
        found += [
            (("formula_units", i), f"{unit} is there twice", "each number once")
            for i, unit in enumerate(units)
            if unit in units[:i]
        ]
        if self.composition is not None and self.most_atoms > MOST_ATOMS:
            wrong = f"the largest cell would have {self.most_atoms} atoms"
            found.append((("formula_units",), wrong, f"cells of up to {MOST_ATOMS} atoms"))
        return found

    def _second_choice(self) -> list[Problem]:
        found: list[Problem] = []
        if self.composition is not None and self.template is not None:
            found.append((("template",), "stands beside sampling.composition", "one of the two"))
        decides = "template" if self.template is not None else "composition"
        known = self.template is not None or self.composition is not None
        if known and self.atoms != Atoms():
            wrong = f"stands beside sampling.{decides}, from which the number of atoms follows"
            found.append((("atoms",), wrong, "one of the two"))
        return found
