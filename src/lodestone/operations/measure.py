"""What structures of anyone's are worth under a constraint of a campaign: the work of `lodestone measure`.

The same hard checks as for the campaign's own samples. No diffusion model is loaded; an estimator only
where a term needs an energy, with the reference energies of the campaign or of a file of references.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lodestone.config import Campaign
    from lodestone.config.sections.constraints import Constraint
    from lodestone.constraints.context import Context
    from lodestone.constraints.term import Term
    from lodestone.structures.files import Entry

WIDTH = 10  # of a number in the table
AT_ONCE = 64  # structures per evaluation by an estimator


@dataclass(frozen=True)
class Measured:
    """An entry: values in the order of the terms (None: not defined), loss, verdict; or an error."""

    id: str
    values: list[float | None]
    loss: float | None
    satisfied: bool
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; `error` is there only where the structure could not be read."""
        found = {"id": self.id, "values": self.values, "loss": self.loss, "satisfied": self.satisfied}
        return found if self.error is None else found | {"error": self.error}


def measured(entries: Iterable[Entry], constraint: Constraint, context: Context) -> Iterator[Measured]:
    """Measure entries in their order; one that could not be read keeps its place, with its error."""
    from lodestone.constraints.context import prepare

    terms: list[Term] = [term.bound(context) for term in constraint.terms]
    waiting = iter(entries)
    while part := list(islice(waiting, AT_ONCE)):
        prepare(terms, [entry.crystal for entry in part if entry.crystal is not None])
        yield from (_measured(entry, terms, constraint) for entry in part)


def context_for(campaign: Campaign, config: Path, constraint: str, references: Path | None) -> Context:
    """The context of a constraint: nothing, or the campaign's reference energies, or those of a file.

    `references` is a structure table of known crystals, whose energies are then evaluated here and now.
    Raises MissingReferencesError, with the command that makes what is missing.
    """
    from lodestone.constraints.context import Context, MissingReferencesError
    from lodestone.workflow.paths import CampaignPaths
    from lodestone.workflow.potentials import potentials, tables

    settings = potentials(campaign, [constraint]).get("potentials", {})
    if references is not None and settings:
        return Context(settings, (_checked(references),))
    files = tables(campaign, CampaignPaths(campaign=campaign.campaign), [constraint])
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise MissingReferencesError(
            f"constraint {constraint} asks for energies above the hull, and the reference energies of "
            f"campaign {campaign.campaign} are not there yet: {', '.join(missing)}. Make them with\n"
            f"  snakemake --configfile {config} {_choosing(campaign)}--profile profiles/local "
            f"{' '.join(map(str, files[1:]))}\n"
            "or name a table of known crystals with --references"
        )
    return Context(settings, files)


def head(constraint: Constraint) -> str:
    """The heading of the table for people, with units."""
    columns = [text.rjust(width) for text, width in _columns(constraint)]
    return "  ".join(["satisfied", *columns, "loss".rjust(WIDTH), "structure"])


def row(one: Measured, constraint: Constraint) -> str:
    """A line of that table."""
    if one.error is not None:
        return f"unreadable  {one.id}: {one.error}"
    values = zip(one.values, _columns(constraint), strict=True)
    cells = [_number(value).rjust(width) for value, (_, width) in values]
    verdict = "yes" if one.satisfied else "no"
    return "  ".join([verdict.ljust(len("satisfied")), *cells, _number(one.loss).rjust(WIDTH), one.id])


def counts(seen: Sequence[Measured]) -> str:
    """How many were satisfied, had a value that is not defined, or could not be read."""
    readable = [one for one in seen if one.error is None]
    satisfied = sum(one.satisfied for one in readable)
    share = f" ({satisfied / len(readable):.1%} of {len(readable)} readable)" if readable else ""
    return (
        f"{len(seen)} structures: {satisfied} satisfied{share}, "
        f"{sum(one.loss is None for one in readable)} with a value that is not defined, "
        f"{len(seen) - len(readable)} unreadable"
    )


def _columns(constraint: Constraint) -> list[tuple[str, int]]:
    heads = [f"{t.kind} ({t.unit})" if t.unit else t.kind for t in constraint.terms]
    return [(head, max(len(head), WIDTH)) for head in heads]


def _measured(entry: Entry, terms: Sequence[Term], constraint: Constraint) -> Measured:
    from lodestone.constraints.measurement import measure

    if entry.crystal is None:
        return Measured(entry.id, [None] * len(terms), None, satisfied=False, error=entry.error)
    found = measure(terms, constraint.combine, constraint.satisfied_within, *entry.crystal)
    values = [_finite(value) for value in found.values]
    return Measured(entry.id, values, _finite(found.loss), found.satisfied)


def _choosing(campaign: Campaign) -> str:
    return f"--config variant={campaign.variant} " if campaign.variant else ""


def _checked(references: Path) -> Path:
    from lodestone.constraints.context import MissingReferencesError
    from lodestone.structures.table import SCHEMA, read_table

    try:
        read_table(references).select(list(SCHEMA))
    except Exception as error:
        raise MissingReferencesError(f"{references} is no table of known crystals: {error}") from error
    return references


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
