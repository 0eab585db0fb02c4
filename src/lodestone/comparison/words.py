"""Which campaign is ahead, in one sentence that claims no more than the test shows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lodestone.statistics.wording import p_text, percent, percent_interval


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
        f"interval {between}, adjusted {p_text(row['p_adjusted'])}): "
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
