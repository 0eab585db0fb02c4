"""Any Python function of one structure, as a term: steered by particles, judged like every other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, JsonValue, PrivateAttr, model_validator

from lodestone.constraints.functions import FORM, FORMS, load, split
from lodestone.constraints.targets import refuse
from lodestone.constraints.term import Term

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from lodestone.constraints.clean import CleanEstimate
    from lodestone.constraints.context import Context
    from lodestone.constraints.functions import Calls
    from lodestone.structures.crystals import Crystal

UNDEFINED = 50.0
"""Gap of a clean estimate that has no value: as large as that of one that is no crystal."""
Named = Annotated[str, Field(pattern=FORM, json_schema_extra={"allowed": FORMS})]
Arguments = dict[str, JsonValue]


class Function(Term):
    """Value of a Python function of one structure (an ase.Atoms with definite elements).

    It has no gradient: gradients leave it out, and particles steer by it. They weigh the function of the
    clean estimate, of which each atom is taken as its most probable element; `steer_by` can put another
    function in its place, that says how far a clean estimate is from the target. Where a function returns
    None, no finite number, or raises, the clean estimate has the gap 50, the worst there is, and a finished
    structure has no value. The same holds for cells thinner than 0.5 Å.
    A function runs only where the user allows it: docs/functions.md.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "function": "config/functions/symmetry.py:space_group_number",
        "target": {"higher": 76},
    }

    kind: Literal["function"] = "function"
    function: Named = Field(description="The function: a file or an installed module, and a name in it.")
    arguments: Arguments = Field({}, description="Keyword arguments that it is called with.")
    value_unit: str = Field("", max_length=20, description="Unit of its value, for tables and figures.")
    steer_by: Named | None = Field(
        None,
        description="A function that particles are weighted by instead: of a clean estimate, its gap to the "
        "target (0: nothing left to want). The finished structure is always judged by `function`.",
    )
    steer_arguments: Arguments = Field({}, description="Keyword arguments that `steer_by` is called with.")
    sha256: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(
        {},
        description="SHA-256 of each function's file; default: that of the file as it is when the campaign "
        "is read. A file that is another one is refused. It is no permission.",
    )

    _kept: dict[bytes, float | None] = PrivateAttr(default_factory=dict)

    @property
    def unit(self) -> str:  # type: ignore[override]
        """What `value_unit` says."""
        return self.value_unit

    @property
    def named(self) -> tuple[tuple[str, str, Arguments], ...]:
        """Key, function and arguments of all that the term calls."""
        own = (("function", self.function, self.arguments),)
        other = () if self.steer_by is None else (("steer_by", self.steer_by, self.steer_arguments),)
        return own + other

    def describe(self) -> str:
        """The term in words."""
        module, name = split(self.function)
        return f"{name} of {module}: {self.target.words()} {self.value_unit}".rstrip()

    def bound(self, context: Context) -> Function:
        """A copy with its functions loaded, so that a job fails before its work and not after."""
        del context
        copy = self.model_copy()
        copy._kept = {}  # noqa: SLF001 - a copy of its own
        for _, text, _ in self.named:
            load(text, self.sha256)
        return copy

    def prepare(self, crystals: Sequence[Crystal]) -> None:
        """Call the function for many (numbers, cell, frac) at once; `hard` then knows their values."""
        self._kept.clear()
        values = self.judging([_atoms(*crystal) for crystal in crystals])
        self._kept.update(zip(map(_key, crystals), values, strict=True))

    def smooth(self, clean: CleanEstimate) -> Tensor:
        """Values without gradient, (n_structures,).

        Where somebody asks for a gradient, the target itself: a constant gap beside that of a differentiable
        term would only make its steps too long, and calling the function for it would be in vain.
        """
        import torch

        if any(x.requires_grad for x in (clean.frac, clean.cell, clean.types)):
            gaps = clean.cell.new_zeros(clean.n_structures)
        else:
            gaps = clean.cell.new_tensor(self._gaps(clean))
        # a zero that hangs on the coordinates, for autograd to find a graph
        finite = torch.nan_to_num(clean.frac, nan=0.0, posinf=0.0, neginf=0.0)
        numbers = self.target.numbers
        value = numbers[0] - gaps if self.target.form == "higher" else numbers[-1] + gaps
        return value + 0.0 * clean.sum_atoms(finite.sum(dim=1))

    def hard(self, numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> float | None:
        """The function's value; None where it has none or raises."""
        crystal = (numbers, cell, frac)
        if _key(crystal) not in self._kept:
            self.prepare([crystal])
        return self._kept[_key(crystal)]

    @cached_property
    def judging(self) -> Calls:
        """What finished structures are judged by, loaded when it is first asked for."""
        return self._calls(self.function, self.arguments)

    @cached_property
    def steering(self) -> Calls:
        """What particles are weighted by; `judging` where there is no `steer_by`."""
        if self.steer_by is None:
            return self.judging
        return self._calls(self.steer_by, self.steer_arguments)

    def _calls(self, text: str, arguments: Arguments) -> Calls:
        from lodestone.constraints.functions import Calls

        return Calls(text, load(text, self.sha256), arguments)

    def _gaps(self, clean: CleanEstimate) -> list[float]:
        """Sizes of the gaps of clean estimates (n_structures,), at most `UNDEFINED`."""
        import torch

        from lodestone.energies.differentiable import as_atoms

        numbers = clean.types.argmax(dim=1) + 1
        frac = torch.where(torch.isfinite(clean.frac), clean.frac, torch.nan)
        found = self.steering(as_atoms(frac, clean.cell, numbers, clean.structure_idx))
        if self.steer_by is None:
            found = [None if value is None else self.target.gap(value) for value in found]
        return [UNDEFINED if gap is None else min(abs(gap), UNDEFINED) for gap in found]

    @model_validator(mode="after")
    def _arguments_have_a_function(self) -> Function:
        if self.steer_arguments and self.steer_by is None:
            refuse(
                "has arguments, but there is no steer_by", "none; or steer_by beside it", ("steer_arguments",)
            )
        return self


def _atoms(numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> Any:
    """As ASE atoms, also where the cell is flat or not finite, which ASE refuses for scaled positions."""
    import numpy as np
    from ase import Atoms

    with np.errstate(invalid="ignore"):
        return Atoms(numbers=numbers, cell=cell, positions=np.dot(frac % 1.0, cell), pbc=True)


def _key(crystal: Crystal) -> bytes:
    return b"|".join(x.tobytes() for x in crystal)
