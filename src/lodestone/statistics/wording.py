"""Numbers as a reader wants them."""

from __future__ import annotations

UNDEFINED = "not defined"


def percent(value: float | None) -> str:
    """A share as a percentage; one decimal below 10 %."""
    if value is None:
        return UNDEFINED
    hundred = 100 * value
    return f"{hundred:.1f} %" if 0 < abs(hundred) < 9.95 else f"{hundred:.0f} %"


def percent_interval(low: float | None, high: float | None) -> str:
    """Both bounds of a share."""
    if low is None or high is None:
        return UNDEFINED
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"


def p_text(value: float | None) -> str:
    """A p-value: "p = 0.012", "p < 1e-12" or "p not defined"."""
    if value is None:
        return f"p {UNDEFINED}"
    if value < 1e-12:
        return "p < 1e-12"
    return f"p = {value:.2g}" if value < 0.995 else "p > 0.99"


def number(value: float | None, digits: int = 3, unit: str = "") -> str:
    """A number with `digits` decimals and its unit."""
    if value is None or value != value:  # noqa: PLR0124
        return UNDEFINED
    return f"{value:.{digits}f} {unit}".strip()
