"""The comparison as tables and sentences, for terminal and page alike; none claims more than its test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lodestone.columns import Col
from lodestone.comparison.rates import VALID
from lodestone.statistics.attrition import STAGES
from lodestone.statistics.console import OUTCOME_HEADS
from lodestone.text import number, p_text, percent, percent_interval


def ahead(row: Mapping[str, Any] | None, cautions: Sequence[str] = ()) -> str:
    """The sentence of a constraint, from the row that decides; `cautions` are why it may mislead."""
    if row is None:
        return "Not compared: one of the campaigns has no arm guided by this constraint."
    if row["p"] is None:
        return f"Not compared: {row['note']}."
    said = _seen(row) + (_shown(row) if row["differs"] else _not_shown(row))
    return said + (f" Not comparable as it stands: {'; '.join(cautions)}." if cautions else "")


def _seen(row: Mapping[str, Any]) -> str:
    between = percent_interval(row["low"], row["high"])
    return (
        f"{percent(row['b_rate'])} of {row['b_n']} structures of B satisfy it against "
        f"{percent(row['a_rate'])} of {row['a_n']} of A ({row['arms']}; B − A {signed(row['difference'])}, "
        f"interval {between}, adjusted {p_text(row[Col.P_ADJUSTED])}): "
    )


def _shown(row: Mapping[str, Any]) -> str:
    return f"{'B' if row['difference'] > 0 else 'A'} is ahead."


def _not_shown(row: Mapping[str, Any]) -> str:
    rise, fall = row["rise_seen"], row["fall_seen"]
    seen = [
        f"a {name} of {percent(value)}"
        for name, value in (("rise", rise), ("fall", fall))
        if value is not None
    ]
    if not seen:
        return "not shown to differ; no difference, however large, would be found with 80 % power."
    return (
        f"not shown to differ; smallest difference that would be found with 80 % power: {' or '.join(seen)}."
    )


def signed(value: float | None) -> str:
    """A difference of shares with its sign."""
    if value is None:
        return "not defined"
    return percent(value) if value < 0 else f"+{percent(value)}"


Table = tuple[list[str], list[list[str]]]
"""Heads and rows."""
Document = Mapping[str, Any]
LONGEST = 60  # characters of a setting's value
RATE_HEADS = [
    *("arms", "outcome", "A (interval)", "B (interval)", "B − A (interval)", "p", "adjusted", "differs"),
    "cost of a success, B / A",
]
CRYSTAL_HEADS = ["formula", "space group", Col.E_ABOVE_HULL.label, "in A", "in B"]
WORDS = OUTCOME_HEADS | {VALID: "valid"}


def settings_table(document: Document, *, warned: bool) -> Table:
    """Settings that differ: those that make numbers incomparable, or the others."""
    heads = ["setting", "A", "B", *(["so"] if warned else [])]
    rows = [
        [d["key"], _value(d["a"]), _value(d["b"]), *([d["warning"]] if warned else [])]
        for d in document["settings"]
        if (d["warning"] is not None) is warned
    ]
    return heads, rows


def rates_table(document: Document, constraint: str | None) -> Table:
    """Rates of a constraint by pair of arms and outcome; of None, validity."""
    rows = [row for row in document["rates"] if row["constraint"] == constraint]
    return RATE_HEADS if constraint is not None else RATE_HEADS[:-1], [
        [
            row["arms"] if constraint is not None else names(row),
            WORDS[row["outcome"]],
            _rate(row, "a"),
            _rate(row, "b"),
            f"{signed(row['difference'])} ({percent_interval(row['low'], row['high'])})",
            _p(row["p"]),
            _p(row[Col.P_ADJUSTED]),
            {True: "yes", False: "not shown", None: "–"}[row["differs"]],
            *([_cost(row)] if constraint is not None else []),
        ]
        for row in rows
    ]


def quality_table(document: Document) -> Table:
    """Diversity of every pair of arms: A in one line, B in the next."""
    heads = ["arms", "", "n", "distinct", "formulas", "space groups", "unique", "novel", "S.U.N."]
    rows = [
        [
            names(row) if side == "a" else "",
            side.upper(),
            *(
                _count(row[side][name])
                for name in ("n", "distinct", "distinct_formulas", "distinct_space_groups")
            ),
            *(_share(row[side][name]) for name in (Col.UNIQUE_SHARE, Col.NOVEL_SHARE, Col.SUN_RATE)),
        ]
        for row in document["quality"]
        for side in ("a", "b")
    ]
    return heads, rows


def attrition_table(document: Document) -> Table:
    """Share of all generated that each stage leaves, A / B."""
    heads = ["arms", *(stage.replace("_", " ") for stage in STAGES[1:])]
    rows = [
        [
            names(row),
            *(f"{percent(row['a']['left'][s])} / {percent(row['b']['left'][s])}" for s in STAGES[1:]),
        ]
        for row in document["quality"]
    ]
    return heads, rows


def names(row: Mapping[str, Any]) -> str:
    """The arms of a pair by name, where no constraint is named beside them."""
    a, b = row["arm_a"], row["arm_b"]
    return str(a) if a == b else f"{a} / {b}"


def crystals_table(found: Mapping[str, Any]) -> Table:
    """Crystals with their ids: of both first, then of A alone, then of B alone."""
    rows = [_crystal(pair["a"], pair["a"], pair["b"]) for pair in found["both"]]
    rows += [_crystal(row, row, None) for row in found["only_a"]]
    rows += [_crystal(row, None, row) for row in found["only_b"]]
    return CRYSTAL_HEADS, rows


def crystals_sentence(found: Mapping[str, Any], what: str) -> str:
    """How many crystals both found."""
    return (
        f"{what}: {found['a']} in A, {found['b']} in B; {len(found['both'])} found by both, "
        f"{len(found['only_a'])} only by A, {len(found['only_b'])} only by B."
    )


def _crystal(row: Mapping[str, Any], a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> list[str]:
    group = row[Col.SPACE_GROUP]
    return [
        row[Col.FORMULA],
        "–" if group is None else str(group),
        number(row[Col.E_ABOVE_HULL], 3),
        a["id"] if a else "–",
        b["id"] if b else "–",
    ]


def _rate(row: Mapping[str, Any], side: str) -> str:
    if row[f"{side}_rate"] is None:
        return "not defined"
    interval = percent_interval(row[f"{side}_low"], row[f"{side}_high"])
    return f"{percent(row[f'{side}_rate'])} of {row[f'{side}_n']} ({interval})"


def _cost(row: Mapping[str, Any]) -> str:
    if row["cost_ratio"] is None:
        return "–"
    low, high = row["cost_ratio_low"], row["cost_ratio_high"]
    ends = f"{_figure(low)} to {_figure(high)}"
    return f"{row['cost_ratio']:.2g} ({ends})"


def _figure(value: float | None) -> str:
    return "∞" if value is None else f"{value:.2g}"


def _p(value: float | None) -> str:
    return p_text(value).removeprefix("p ").removeprefix("= ")


def _share(values: Sequence[float | None]) -> str:
    share, low, high = values
    return "not defined" if share is None else f"{percent(share)} ({percent_interval(low, high)})"


def _count(value: int | None) -> str:
    return "–" if value is None else str(value)


def _value(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
