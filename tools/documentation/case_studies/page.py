"""The case studies as Markdown: what the paper asks, and what a finished campaign says. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lodestone.columns import Col
from lodestone.sampling.timing import Timing
from lodestone.text import UNDEFINED, number, p_text, percent, percent_interval

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Study:
    """A case study with the results of its small variant; those are None where it has not been run."""

    name: str
    asked: tuple[str, ...]
    """What the paper asks, in words: one entry per constraint."""
    campaign: str
    """The campaign of the small variant."""
    result: Result | None


@dataclass(frozen=True)
class Result:
    """What is told of a finished campaign."""

    summary: Row
    """statistics/summary.json."""
    success: Sequence[Row]
    """statistics/success.parquet."""
    attrition: Sequence[Row]
    """statistics/attrition.parquet."""
    timing: Timing | None
    """Of all sampling together."""
    versions: Mapping[str, str]

    def rates(self, constraint: str) -> dict[tuple[str, str], Row]:
        """Rates of a constraint by the kind of arm and outcome: its primary arm is `guided`."""
        one = self.constraint(constraint)
        kinds = {arm["name"]: arm["kind"] for arm in self.summary["arms"]}
        wanted = (one["primary_arm"], None)
        return {
            (kinds[row["arm"]], row["outcome"]): row
            for row in one["rates"]
            if kinds[row["arm"]] != "guided" or row["arm"] in wanted
        }

    def constraint(self, name: str) -> Row:
        """The summary of a constraint."""
        return next(one for one in self.summary["constraints"] if one["name"] == name)

    def p_adjusted(self, constraint: str, outcome: str, against: str) -> float | None:
        """The adjusted p-value of its primary arm against another; None where it is not defined."""
        arm = self.constraint(constraint)["primary_arm"]
        wanted = (constraint, arm, outcome, against)
        keys = ("constraint", "arm", "outcome", "comparison")
        return next(
            (row[Col.P_ADJUSTED] for row in self.success if tuple(row[key] for key in keys) == wanted), None
        )

    def survivors(self, stage: str) -> dict[str, tuple[int, int]]:
        """By arm: how many structures are left after a stage, and how many were generated."""
        generated = {row["arm"]: row["survived"] for row in self.attrition if row["stage"] == "generated"}
        return {
            row["arm"]: (row["survived"], generated[row["arm"]])
            for row in self.attrition
            if row["stage"] == stage
        }

    def best(self, constraint: str) -> Row | None:
        """The best candidate for a constraint; None where none is eligible."""
        return next((row for row in self.summary["best"] if row[Col.BEST_FOR] == constraint), None)


PAPER = "[see the paper](https://arxiv.org/abs/2604.13354)"
KINDS = ("unguided", "control", "late", "guided")
OUTCOMES = {
    Col.SATISFIED: "satisfied",
    Col.SATISFIED_VALID: "and valid",
    Col.PERSISTENT: "persistent after relaxation",
    Col.RELAXED_SATISFIED: "relaxed, then satisfied",
}
LAST = "below_hull_cut"


def results(studies: Sequence[Study]) -> str:
    """Everything between the marks of the page: an overview, and a part per study that has been run."""
    parts = [_overview(studies)]
    parts += [_study(study, study.result) for study in studies if study.result is not None]
    return "\n\n".join(parts) + "\n"


def between(page: str, text: str) -> str:
    """The page with what stands between its marks replaced.

    Raises:
        ValueError: the marks are not there once.
    """
    begin, end = "<!-- results: begin -->", "<!-- results: end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    changed, n = pattern.subn(lambda _: f"{begin}\n\n{text}\n{end}", page)
    if n != 1:
        raise ValueError(f"the marks {begin} and {end} stand there {n} times, not once")
    return changed


def _overview(studies: Sequence[Study]) -> str:
    head = ["study", "the paper asks", "its figures", "asked here, of small weights", "structures per arm"]
    head += ["satisfied: unguided → guided", "persistent: unguided → guided", "verdict"]
    rows = []
    for study in studies:
        asked = "; ".join(study.asked)
        if study.result is None:
            rows.append([f"`{study.name}`", asked, PAPER, "not run", *[""] * 4])
            continue
        for one in study.result.summary["constraints"]:
            rows.append([f"`{study.name}`", asked, PAPER, *_told(study.result, one)])
            asked = ""
    return _table(head, rows)


def _told(result: Result, one: Row) -> list[str]:
    rates = result.rates(one["name"])
    changes = []
    for outcome in (Col.SATISFIED, Col.PERSISTENT):
        pair = [_share(rates.get((kind, outcome))) for kind in ("unguided", "guided")]
        p = p_text(result.p_adjusted(one["name"], outcome, "unguided"))
        changes.append(f"{pair[0]} → {pair[1]} (adjusted {p})")
    return [_asked(one), _numbers(rates), *changes, _verdict(one)]


def _study(study: Study, result: Result) -> str:
    parts = [f"### `{study.campaign}`", *(_constraint(result, one) for one in result.summary["constraints"])]
    left = result.survivors(LAST)
    counts = ", ".join(f"{arm} {n} of {generated}" for arm, (n, generated) in left.items())
    wanted = f"Valid, new, unique and at most {result.summary['shown_below']:g} eV/atom above the hull"
    parts.append(f"{wanted}: {counts}. {_time(result)}")
    return "\n\n".join(parts)


def _constraint(result: Result, one: Row) -> str:
    rates = result.rates(one["name"])
    kinds = [kind for kind in KINDS if any(found == kind for found, _ in rates)]
    head = [f"`{one['name']}`", *kinds, "adjusted p, above unguided", "above control"]
    rows = [
        [
            words,
            *(_rate(rates.get((kind, outcome))) for kind in kinds),
            *(p_text(result.p_adjusted(one["name"], outcome, arm)) for arm in ("unguided", "control")),
        ]
        for outcome, words in OUTCOMES.items()
    ]
    verdict = f"**{_verdict(one).capitalize()}.** {one['verdict']['sentence']}"
    return f"{_table(head, rows)}\n\nAsked: {_asked(one)}. {verdict} {_best(result.best(one['name']))}"


def _asked(one: Row) -> str:
    terms = " and ".join(term["words"] for term in one["terms"])
    return f"{terms}, within {one['satisfied_within']:g}"


def _verdict(one: Row) -> str:
    found = one["verdict"]
    words = found["status"].replace("_", " ")
    return f"{words} as generated, not shown to persist" if found["persists"] is False else words


def _best(row: Row | None) -> str:
    if row is None:
        return "No candidate is eligible as best."
    group = row[Col.SPACE_GROUP_SYMBOL] or "space group not found"
    energy = number(row[Col.E_ABOVE_HULL], 3, "eV/atom")
    values = ", ".join(number(v, 2, u or "") for v, u in zip(row["values"], row["units"], strict=True))
    novelty = {True: "known", False: "new", None: "novelty not judged"}[row[Col.KNOWN]]
    return f"Best: {row[Col.FORMULA]}, {group}, {values}, e_above_hull {energy}, {novelty} (`{row['id']}`)."


def _time(result: Result) -> str:
    if result.timing is None:
        return "How long sampling took is not known."
    hours = result.timing.seconds / 3600
    return f"Sampling of all arms: {hours:.2f} hours of one {result.timing.device}."


def _numbers(rates: dict[tuple[str, str], Row]) -> str:
    row = rates.get(("guided", Col.SATISFIED)) or next(iter(rates.values()), None)
    if row is None:
        return UNDEFINED
    lineages = row["n_lineages"]
    return f"{row['n']} ({lineages} lineages guided)" if lineages not in (None, row["n"]) else str(row["n"])


def _share(row: Row | None) -> str:
    return UNDEFINED if row is None else percent(row["rate"])


def _rate(row: Row | None) -> str:
    if row is None or row["rate"] is None:
        return UNDEFINED
    by_lineage = row["cluster_bootstrap_low"] is not None
    low, high = ("cluster_bootstrap_low", "cluster_bootstrap_high") if by_lineage else ("ci_low", "ci_high")
    return f"{percent(row['rate'])} ({percent_interval(row[low], row[high])})"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
