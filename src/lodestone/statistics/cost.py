"""What a success costs, beside `rejection`: plain MatterGen, of which one keeps what satisfies.

The cost of a success is the cost of a structure over the rate of successes, so its interval follows from
the rate's: Wilson's, or the bootstrap over lineages where structures share ancestors. The ratio of two
costs joins both intervals on the logarithmic scale (MOVER: Zou & Donner, Stat. Med. 27, 1693, 2008), as
Newcombe joins them for a difference. Where a side has no success at all the ratio is not defined, but one
bound of it is: the worst that both intervals allow together.

Distinct structures become rarer the longer one samples, so their cost holds for the number of structures
sampled; all arms of a campaign have the same. Their interval takes each first structure of a crystal as a
success of its own, which makes it rather too wide than too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.columns.schemas import COST
from lodestone.inference.intervals import UNDEFINED, Interval
from lodestone.runtime.seeds import derive_seed
from lodestone.statistics.lineages import rate_interval
from lodestone.statistics.outcomes import OUTCOMES, Sample, can_relax, sample
from lodestone.statistics.plan import ArmPlan, Plan

DISTINCT = Col.DISTINCT_PERSISTENT
METHODS = {"unguided": "rejection"}
KINDS: dict[str, str] = OUTCOMES | {DISTINCT: "persistent, and the first of its crystal"}
"""What is paid for -> meaning, in the order of the table."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Effort:
    """What the sampling of an arm took: seconds per structure on a device, where they were recorded."""

    seconds: float | None = None
    device: str | None = None


@dataclass(frozen=True)
class Rate:
    """A rate of successes with its interval."""

    value: float
    interval: Interval


def cost(
    arms: Mapping[str, pl.DataFrame],
    plan: Plan,
    kinds: Mapping[tuple[str, str], np.ndarray],
    efforts: Mapping[str, Effort],
) -> pl.DataFrame:
    """One row per constraint × sampled arm that speaks of it × outcome; see `schemas.COST` for columns.

    `kinds` flags the first structure of each persistent crystal (`distinct.first_of_its_kind`) by
    constraint and arm.
    """
    relaxed = can_relax(arms)
    rows: list[Row] = []
    for constraint in plan.constraints:
        shown = [a for a in plan.arms if a.constraint in (None, constraint.name) and not a.imported]
        base = next((a for a in shown if a.kind == "unguided"), None)
        for arm, outcome in product(shown, KINDS):
            own = _sample(arms[arm.name], constraint.name, outcome, kinds, arm, relaxed=relaxed)
            row = _head(arm, plan) | _own(outcome, own, arm, plan, efforts)
            if base is not None and base != arm:
                other = _sample(arms[base.name], constraint.name, outcome, kinds, base, relaxed=relaxed)
                row |= _beside(own, other, arm, base, plan, efforts)
            rows.append({"constraint": constraint.name} | row)
    return pl.DataFrame(rows, schema=COST, orient="row")


def ratio(rate: Rate, base: Rate) -> tuple[float | None, Interval]:
    """Base rate / rate with its interval: how much dearer a success is at equal cost of a structure."""
    own, other = rate.interval, base.interval
    if own.low is None or own.high is None or other.low is None or other.high is None:
        return None, UNDEFINED
    if rate.value == 0 or base.value == 0:
        low = other.low / own.high if base.value > 0 and own.high > 0 else None
        high = other.high / own.low if rate.value > 0 and own.low > 0 else None
        return None, Interval(low, high)
    middle = math.log(base.value / rate.value)
    down = math.hypot(_log(base.value, other.low), _log(own.high, rate.value))
    up = math.hypot(_log(other.high, base.value), _log(rate.value, own.low))
    high = math.exp(middle + up) if math.isfinite(up) else None
    return math.exp(middle), Interval(math.exp(middle - down) if math.isfinite(down) else 0.0, high)


def _log(larger: float, smaller: float) -> float:
    return math.log(larger / smaller) if smaller > 0 else math.inf


def _sample(
    rows: pl.DataFrame,
    constraint: str,
    outcome: str,
    kinds: Mapping[tuple[str, str], np.ndarray],
    arm: ArmPlan,
    *,
    relaxed: bool,
) -> Sample:
    if outcome != DISTINCT:
        return sample(rows, constraint, outcome, relaxed=relaxed)
    persistent = sample(rows, constraint, Col.PERSISTENT, relaxed=relaxed)
    return Sample(kinds[constraint, arm.name], persistent.finite, persistent.lineage, measured=relaxed)


def _head(arm: ArmPlan, plan: Plan) -> Row:
    pilot = plan.pilots.get(arm.constraint or "") if arm.piloted else None
    return {
        "method": arm.sampler or METHODS.get(arm.kind, arm.kind),
        "arm": arm.name,
        Col.STRENGTH: arm.strength,
        "chosen_by_pilot": arm.piloted,
        "pilot_passes": pilot["passes"] if pilot else None,
        Col.PASSES_PER_STRUCTURE: plan.passes.get(arm.name),
    }


def _own(
    outcome: str,
    own: Sample,
    arm: ArmPlan,
    plan: Plan,
    efforts: Mapping[str, Effort],
) -> Row:
    """Successes of an arm and what one of them costs."""
    rate = _rate(own, arm, plan)
    passes, effort = plan.passes.get(arm.name), efforts.get(arm.name, Effort())
    row: Row = {
        "outcome": outcome,
        "n": own.n,
        "successes": own.successes,
        Col.SECONDS_PER_STRUCTURE: effort.seconds,
        "device": effort.device,
        "note": _note(own, passes),
    }
    if rate is None:
        return row
    row |= {"rate": rate.value, "rate_low": rate.interval.low, "rate_high": rate.interval.high}
    return row | _price("passes", passes, rate) | _price("seconds", effort.seconds, rate)


def _beside(
    own: Sample, other: Sample, arm: ArmPlan, base: ArmPlan, plan: Plan, efforts: Mapping[str, Effort]
) -> Row:
    """The cost over that of rejection; times only where both were taken on the same kind of device."""
    rate, base_rate = _rate(own, arm, plan), _rate(other, base, plan)
    if rate is None or base_rate is None:
        return {}
    found, interval = ratio(rate, base_rate)
    effort, base_effort = efforts.get(arm.name, Effort()), efforts.get(base.name, Effort())
    seconds = base_effort.seconds if base_effort.device == effort.device else None
    return _relative("ratio", found, interval, plan.passes.get(arm.name), plan.passes.get(base.name)) | (
        _relative("seconds_ratio", found, interval, effort.seconds, seconds)
    )


def _price(what: str, each: float | None, rate: Rate) -> Row:
    """Cost of a success and its interval, from the cost of a structure; the upper bound may be missing."""
    if each is None:
        return {}
    low, high = rate.interval.low, rate.interval.high
    return {
        f"{what}_per_success": each / rate.value if rate.value else None,
        f"{what}_per_success_low": each / high if high else None,
        f"{what}_per_success_high": each / low if low else None,
    }


def _relative(
    name: str, found: float | None, interval: Interval, each: float | None, base: float | None
) -> Row:
    """Cost of a success over that of rejection; `found` is the ratio at equal cost of a structure."""
    if each is None or not base:
        return {}
    factor = each / base
    low, high = interval.low, interval.high
    return {
        name: None if found is None else factor * found,
        f"{name}_low": None if low is None else factor * low,
        f"{name}_high": None if high is None else factor * high,
    }


def _rate(own: Sample, arm: ArmPlan, plan: Plan) -> Rate | None:
    if not own.n:
        return None
    rng = np.random.default_rng(derive_seed(plan.seed, "bootstrap", arm.name))
    return Rate(own.successes / own.n, rate_interval(own, rng, plan.alpha))


def _note(own: Sample, passes: float | None) -> str | None:
    if not own.measured:
        return "not measured in this arm"
    if not own.n:
        return "not defined: no structure was generated"
    if not own.successes:
        return "no success: its cost is not defined, only the least that it may be"
    return "network passes not known: the checkpoint does not tell its steps" if passes is None else None


NOUNS = {Col.PERSISTENT: "persistent", Col.SATISFIED_VALID: "satisfied and valid"}
"""Outcomes that are told, the first one that was measured."""


def cost_words(table: pl.DataFrame, constraint: str, arm: str) -> list[str]:
    """What the passes of an arm buy beside rejection, and what its pilot cost; empty if unknown."""
    rows = table.filter(pl.col("constraint") == constraint)
    for outcome, noun in NOUNS.items():
        found = {r["arm"]: r for r in rows.filter(pl.col("outcome") == outcome).iter_rows(named=True)}
        base = next((r for r in found.values() if r["method"] == "rejection"), None)
        own = found.get(arm)
        if own is None or base is None or not own["n"] or not base["n"]:
            continue
        sentence = sentence_of(own, base, noun)
        return [sentence + _pilot(own)] if sentence else []
    return []


def sentence_of(own: Row, base: Row, noun: str) -> str | None:
    """One sentence; None where the network passes are not known."""
    if own[Col.PASSES_PER_STRUCTURE] is None or base[Col.PASSES_PER_STRUCTURE] is None:
        return None
    what = f"network passes per {noun} structure than rejection"
    if own["ratio"] is not None:
        return _both(own["ratio"], own["ratio_low"], own["ratio_high"], what)
    return _one_sided(own, base, noun, what)


def _one_sided(own: Row, base: Row, noun: str, what: str) -> str:
    """The sentence where a side has no success: one bound of the ratio at most."""
    low, high = own["ratio_low"] or 0.0, own["ratio_high"]  # few lineages may leave no upper bound
    if own["successes"]:
        if high is not None and high < 1:
            return f"at least {times(1 / high)} fewer {what}, which found none of {base['n']}"
        counts = f"{noun} structures: {own['successes']} of {own['n']}, rejection none of {base['n']}"
        return f"{counts}; its cost is not shown to differ"
    if not base["successes"]:
        return f"no {noun} structure, nor by rejection: there is no cost to compare"
    if low > 1:
        return f"no {noun} structure: at least {times(low)} more {what}"
    return f"no {noun} structure; its cost is not shown to differ from that of rejection"


def times(factor: float) -> str:
    """A factor: 3.1 times, 12 times."""
    return f"{_digits(factor)} times"


def _both(ratio: float, low: float | None, high: float | None, what: str) -> str:
    word, value, ends = "more", ratio, (low, high)
    if ratio < 1:
        word, value = "fewer", 1 / ratio
        ends = (None if high is None else 1 / high, None if not low else 1 / low)
    first = "0" if ends[0] is None else _digits(ends[0])
    interval = f"{first}–{_digits(ends[1])}" if ends[1] is not None else f"{first} or more"
    shown = low is not None and low > 1 if ratio >= 1 else high is not None and high < 1
    return f"{times(value)} {word} {what} ({interval})" + ("" if shown else ", not shown to differ")


def _pilot(own: Row) -> str:
    passes = own["pilot_passes"]
    return "" if passes is None else f"; the pilot's {passes:,.0f} passes come on top"


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.095 else f"{value:.2g}"
