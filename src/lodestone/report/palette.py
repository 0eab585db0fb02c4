"""Colours that colour-blind readers can tell apart, and the look of every figure.

The first colours are those of Okabe & Ito (2008). No arm is told by its colour alone: lines differ in
their dashes, points in their symbols and bars in their patterns, so that a grey print can be read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from lodestone.statistics.plan import EXTRA_KINDS, ArmPlan

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

GREY, BLACK = "#7A7A7A", "#222222"
GUIDED = ("#D55E00", "#0072B2", "#E69F00", "#6A1B9A", "#6D2B00", "#00695C")
CONTROL = "#56B4E9"
OUTCOMES = ("#0072B2", "#56B4E9", "#D55E00", "#E69F00")
EXTRA = ("#332288", "#999933", "#661100", "#117733", "#882255")
SEQUENTIAL = "Blues"
"""A scale whose lightness falls steadily: more is darker, in print too."""
ABOVE_HULL = "Cividis"
"""The scale of energies above the hull: as steady, and it begins with a dark colour for what is stable."""
SYMBOLS = {
    "unguided": ("circle-open",),
    "control": ("square-open",),
    "guided": ("circle", "diamond", "pentagon", "hexagram"),
    "late": ("triangle-up", "triangle-down", "triangle-left"),
    "imported": ("star", "bowtie", "hourglass"),
    "drawn": ("triangle-right", "hexagon", "star-diamond"),
}
DASHES = {
    "unguided": ("dot",),
    "control": ("dashdot",),
    "guided": ("solid", "longdash", "longdashdot", "10px,3px,2px,3px,2px,3px"),
    "late": ("dash",),
    "imported": ("2px,4px,8px,4px", "12px,2px,4px,2px"),
    "drawn": ("6px,2px", "6px,2px,2px,2px", "14px,4px"),
}
PATTERNS = {
    "unguided": (".",),
    "control": ("-",),
    "guided": ("", "x", "+"),
    "late": ("/",),
    "imported": ("|",),
    "drawn": ("+",),
}
LEGEND_LINE, FREE_LINES = 20, 3  # pixels; lines of a legend that the usual height has room for
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif"


@dataclass(frozen=True)
class Style:
    """How an arm is drawn, in every figure alike."""

    color: str
    dash: str
    symbol: str
    pattern: str = ""

    @property
    def bar(self) -> dict[str, object]:
        """The marker of a bar: the pattern stays on paper when the colour does not."""
        return {
            "color": self.color,
            "line": {"color": "white", "width": 0.5},
            "pattern": {"shape": self.pattern, "fgcolor": "white", "solidity": 0.35, "size": 6},
        }


REFERENCE_STYLE = Style(BLACK, "2px,2px", "cross", "\\")


def styles(arms: Sequence[ArmPlan]) -> dict[str, Style]:
    """Style of every arm: grey and blue without guidance; a late arm has the colour of its guided one."""
    guided = [a.name for a in arms if a.kind == "guided"]
    extra = [a.name for a in arms if a.kind in EXTRA_KINDS]
    found: dict[str, Style] = {}
    for arm in arms:
        if arm.kind == "unguided":
            color = GREY
        elif arm.kind == "control":
            color = CONTROL
        elif arm.kind == "guided":
            color = GUIDED[guided.index(arm.name) % len(GUIDED)]
        elif arm.kind in EXTRA_KINDS:
            color = EXTRA[extra.index(arm.name) % len(EXTRA)]
        else:
            color = _color_of_guided(arm, arms, guided)
        place = _place(arm, arms)
        dash, symbol, pattern = (_nth(of, arm.kind, place) for of in (DASHES, SYMBOLS, PATTERNS))
        found[arm.name] = Style(color, dash, symbol, pattern)
    return found


def apply_layout(figure: Figure, x: str, y: str, *, height: int = 420) -> Figure:
    """Axis titles, white ground, legend at the foot, clear of the data; `x` and `y` carry their units.

    The figure grows with its legend, which has one name per line on a narrow screen.
    """
    named = sum(trace.showlegend is not False and trace.visible is not False for trace in figure.data)
    figure.update_layout(
        template="plotly_white",
        height=height + LEGEND_LINE * max(0, named - FREE_LINES),
        font={"family": FONT, "size": 13, "color": BLACK},
        margin={"l": 60, "r": 40, "t": 40, "b": 60},
        modebar={"orientation": "v"},
        legend={"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0},
        hoverlabel={"align": "left", "font": {"size": 13}},
    )
    axis = {"showline": True, "linecolor": "#BBBBBB", "ticks": "outside", "zeroline": False}
    figure.update_xaxes(title=x, automargin=True, **axis)
    figure.update_yaxes(title=y, automargin=True, **axis)
    return figure


def label(text: object) -> str:
    """Text that may stand in a figure, where plotly would read markup."""
    return escape(str(text))


def subscripts(formula: str) -> str:
    """A chemical formula as plotly draws it, numbers below the line: "Li2O" gives "Li<sub>2</sub>O"."""
    return re.sub(r"(\d+(?:\.\d+)?)", r"<sub>\1</sub>", label(formula))


def _color_of_guided(arm: ArmPlan, arms: Sequence[ArmPlan], guided: Sequence[str]) -> str:
    same = [a.name for a in arms if a.kind == "guided" and a.constraint == arm.constraint]
    return GUIDED[guided.index(same[-1]) % len(GUIDED)] if same else GREY


def _place(arm: ArmPlan, arms: Sequence[ArmPlan]) -> int:
    """The how-manieth of its kind an arm is, among those of all constraints."""
    return [a.name for a in arms if a.kind == arm.kind].index(arm.name)


def _nth(of: Mapping[str, Sequence[str]], kind: str, place: int) -> str:
    known = of.get(kind, of["guided"])
    return known[place % len(known)]
