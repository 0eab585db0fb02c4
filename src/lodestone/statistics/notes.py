"""What a reader must know of a campaign, and of its sources of references, before trusting the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from lodestone.columns import Col
from lodestone.statistics.plan import Plan

LONGEST = 200  # characters of a reason


def source_notes(sources: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each source that is not complete, with the reason; one more where nothing came."""
    found = [_note(source) for source in sources if source["state"] != "complete"]
    if sources and not any(source["rows"] for source in sources):
        found.append(
            "No known crystal was compared with: every structure counts as new, and there is no hull."
        )
    return found


def _note(source: Mapping[str, Any]) -> str:
    without = f" without {', '.join(source['missing'])}" if source["missing"] else ""
    compared = (
        f"Compared with {source['name']}{without}"
        if source["rows"]
        else f"Not compared with {source['name']}"
    )
    return f"{compared}: {brief(source['failure'], source['name'])}."


def brief(failure: str | None, name: str) -> str:
    """The first reason alone, cut where it is long: `references.json` has them all, whole."""
    if not failure:
        return "no reason recorded"
    first = failure.removeprefix(f"{name}: ").partition("; ")[0].rstrip(".")
    return first if len(first) <= LONGEST else f"{first[:LONGEST]}…"


SHOWN = 5  # formulas named at most
NO_TERMINAL = "no hull: no reference of pure "


def notes(candidates: pl.DataFrame, success: pl.DataFrame, plan: Plan) -> list[str]:
    """Sentences, empty for an ordinary campaign; `candidates` and `success` are the finished tables."""
    if not candidates.height:
        return ["No structure was generated."]
    return [
        *_questions(plan),
        *_arms(candidates, plan),
        *_tests(success, plan),
        *_structures(candidates),
        *_novelty(candidates),
        *_energies(candidates),
    ]


def _questions(plan: Plan) -> Iterator[str]:
    if not plan.constraints:
        yield "The campaign asks for no property: there is nothing to test."
    elif len(plan.arms) == 1:
        yield f"There is one arm, {plan.arms[0].name}: with nothing to compare it with, nothing is tested."


def _arms(candidates: pl.DataFrame, plan: Plan) -> Iterator[str]:
    """Arms that are empty, or in which sampling failed throughout."""
    for arm in plan.arms:
        rows = candidates.filter(pl.col("arm") == arm.name)
        if not rows.height:
            yield f"Arm {arm.name} is empty: no structure of it was generated, and it is not tested."
        elif rows["failed"].all() and not candidates["failed"].all():
            yield f"Every structure of arm {arm.name} failed during sampling ({rows.height} of them)."


def _tests(success: pl.DataFrame, plan: Plan) -> Iterator[str]:
    """Decisive comparisons that are too small to show anything."""
    for constraint in plan.constraints:
        arm = plan.primary_arm(constraint.name)
        if arm is None:
            continue
        decisive = success.filter(
            pl.col("constraint") == constraint.name,
            pl.col("arm") == arm.name,
            pl.col("outcome") == Col.SATISFIED,
            pl.col("comparison").is_in(["unguided", "control"]),
            pl.col(Col.P_USED).is_not_null(),
        )
        blind = decisive.filter(
            pl.col(Col.MINIMAL_DETECTABLE_EFFECT).is_null() & (pl.col(Col.MDE_RATE_REFERENCE) < 1)
        )
        for row in blind.iter_rows(named=True):
            unit = "lineages" if "lineage" in row[Col.TEST_USED] else "structures"
            yield (
                f"{constraint.name}: too few {unit} to show anything, {row[Col.MDE_N]} of {row['arm']} "
                f"against {row[Col.MDE_N_REFERENCE]} of {row[Col.REFERENCE_ARM]}. Not even a rise to "
                "100 % would be significant in four of five such campaigns."
            )


def _structures(candidates: pl.DataFrame) -> Iterator[str]:
    n = candidates.height
    valid = candidates.filter(pl.col(Col.VALID).fill_null(value=False))
    if candidates["failed"].all():
        yield f"Every structure failed during sampling ({n} of {n})."
    elif not valid.height:
        yield f"No structure is a valid crystal (0 of {n})."
    elif not valid[Col.RELAX_FAILURE].null_count():
        reason = _most(valid[Col.RELAX_FAILURE])
        yield (
            f"No structure could be relaxed (0 of {valid.height} valid ones{reason}): whether structures "
            "persist was not measured."
        )
    if not candidates[Col.PASSED].any():
        reason = _most(candidates[Col.SCREEN_REASON])
        yield f"No structure passed the screen (0 of {n}{reason}): there are no energies and no candidates."
    elif not candidates[Col.BEST_RANK].count():
        passed = int(candidates[Col.PASSED].sum())
        yield f"No candidate is eligible as best (0 of {passed} that passed the screen)."


def _novelty(candidates: pl.DataFrame) -> Iterator[str]:
    judged = candidates.filter(pl.col(Col.IS_REPRESENTATIVE).fill_null(value=False))[Col.KNOWN].drop_nulls()
    if len(judged) and judged.all():
        n = len(judged)
        yield f"No candidate is novel: references match every one of the {n} distinct structures of the arms."


def _energies(candidates: pl.DataFrame) -> Iterator[str]:
    """Energies that could not be computed, and hulls that lack a pure element."""
    screened = candidates.filter(pl.col(Col.PASSED).fill_null(value=False))
    known = screened.filter(pl.col(Col.ENERGY_PER_ATOM).is_not_null())
    lost = screened.height - known.height
    if screened.height and not known.height:
        reason = _most(screened[Col.ENERGY_FAILURE], " ({})")
        yield f"No energy could be computed{reason}: 0 of {lost} structures that passed the screen."
    elif lost:
        reason = _most(screened[Col.ENERGY_FAILURE])
        yield f"{lost} of {screened.height} structures that passed the screen have no energy{reason}."
    without = known.filter(pl.col(Col.E_ABOVE_HULL).is_null())
    for note, rows in without.group_by(
        pl.col(Col.HULL_NOTE).fill_null("no reason recorded"), maintain_order=True
    ):
        yield _no_hull(str(note[0]), rows, known)
    if known.height and without.height == known.height:
        yield (
            f"No energy above the hull is known ({without[Col.HULL_NOTE].drop_nulls()[0]})"
            if without[Col.HULL_NOTE].count()
            else "No energy above the hull is known"
        ) + ": Pareto ranks are not defined."


def _no_hull(note: str, rows: pl.DataFrame, known: pl.DataFrame) -> str:
    """Which compositions have no hull, and for want of what."""
    formulas = sorted(set(rows[Col.FORMULA].drop_nulls()))
    named = ", ".join(formulas[:SHOWN]) + (f" and {len(formulas) - SHOWN} more" * (len(formulas) > SHOWN))
    of = known[Col.FORMULA].drop_nulls().n_unique()
    why = f"No reference of pure {note.removeprefix(NO_TERMINAL)}" if note.startswith(NO_TERMINAL) else note
    return (
        f"{why}: {len(formulas)} of {of} compositions ({named}; {rows.height} of {known.height} structures) "
        "have no energy above the hull."
    )


def _most(reasons: pl.Series, form: str = "; most often: {}") -> str:
    """The most frequent reason, or nothing."""
    counted = Counter(reasons.drop_nulls().to_list())
    return form.format(min(counted, key=lambda r: (-counted[r], r))) if counted else ""
