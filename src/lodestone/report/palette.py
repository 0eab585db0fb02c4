"""Colours that colour-blind readers can tell apart (Okabe & Ito, 2008), and the look of every figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from lodestone.statistics.plan import ArmPlan

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

GREY, BLACK = "#7A7A7A", "#222222"
GUIDED = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#0072B2", "#882255", "#44AA99")
CONTROL = "#56B4E9"
OUTCOMES = ("#0072B2", "#56B4E9", "#D55E00", "#E69F00")
IMPORTED = ("#332288", "#999933", "#661100")
SYMBOLS = {
    "unguided": "circle-open",
    "control": "square-open",
    "guided": "circle",
    "late": "triangle-up",
    "imported": "star",
}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif"


@dataclass(frozen=True)
class Style:
    """How an arm is drawn, in every figure alike."""

    color: str
    dash: str
    symbol: str


REFERENCE_STYLE = Style(BLACK, "dot", "diamond")


def styles(arms: Sequence[ArmPlan]) -> dict[str, Style]:
    """Style of every arm: grey and blue without guidance, dashed for late arms, dots for imported ones."""
    guided = [a.name for a in arms if a.kind == "guided"]
    imported = [a.name for a in arms if a.kind == "imported"]
    found: dict[str, Style] = {}
    for arm in arms:
        symbol = SYMBOLS.get(arm.kind, "circle")
        if arm.kind == "unguided":
            found[arm.name] = Style(GREY, "solid", symbol)
        elif arm.kind == "control":
            found[arm.name] = Style(CONTROL, "solid", symbol)
        elif arm.kind == "guided":
            found[arm.name] = Style(GUIDED[guided.index(arm.name) % len(GUIDED)], "solid", symbol)
        elif arm.kind == "imported":
            color = IMPORTED[imported.index(arm.name) % len(IMPORTED)]
            found[arm.name] = Style(color, "dashdot", symbol)
        else:
            found[arm.name] = Style(_color_of_guided(arm, arms, guided), "dash", symbol)
    return found


def apply_layout(figure: Figure, x: str, y: str, *, height: int = 420) -> Figure:
    """Axis titles, white ground, legend above; `x` and `y` carry their units."""
    figure.update_layout(
        template="plotly_white",
        height=height,
        font={"family": FONT, "size": 13, "color": BLACK},
        margin={"l": 70, "r": 60, "t": 60, "b": 60},
        modebar={"orientation": "v"},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        hoverlabel={"align": "left"},
    )
    axis = {"showline": True, "linecolor": "#BBBBBB", "ticks": "outside", "zeroline": False}
    figure.update_xaxes(title=x, **axis)
    figure.update_yaxes(title=y, **axis)
    return figure


def label(text: object) -> str:
    """Text that may stand in a figure, where plotly would read markup."""
    return escape(str(text))


def _color_of_guided(arm: ArmPlan, arms: Sequence[ArmPlan], guided: Sequence[str]) -> str:
    same = [a.name for a in arms if a.kind == "guided" and a.constraint == arm.constraint]
    return GUIDED[guided.index(same[-1]) % len(GUIDED)] if same else GREY
