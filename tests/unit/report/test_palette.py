"""Arms can be told apart by colour-blind readers, and in a grey print."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from colour_vision import VISION, apart, lab
from plotly.colors import get_colorscale, sample_colorscale, unlabel_rgb

from lodestone.report.palette import (
    ABOVE_HULL,
    BLACK,
    CONTROL,
    GREY,
    GUIDED,
    OUTCOMES,
    REFERENCE_STYLE,
    SEQUENTIAL,
    apply_layout,
    styles,
    subscripts,
)
from lodestone.statistics.plan import ArmPlan

SEEN = 9.0  # CIEDE2000; from about 2.3 two patches side by side are seen to differ
STRENGTHS = (0.05, 0.1, 0.2)


def campaign(constraints):
    """Arms of a campaign with three strengths and a late arm per constraint, and imported structures."""
    arms = [ArmPlan("unguided", "unguided", None, 0.0), ArmPlan("control", "control", None, 0.0)]
    for c in constraints:
        arms += [ArmPlan(f"{c}-s{s:g}", "guided", c, s) for s in STRENGTHS]
        arms.append(ArmPlan(f"{c}-late", "late", c, STRENGTHS[-1]))
    return [*arms, ArmPlan("mine", "imported", constraints[0], 0.0, imported=True)]


@pytest.mark.parametrize(
    ("one", "other", "known"),
    [  # from the test data of Sharma, Wu & Dalal
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
    ],
)
def test_the_measure_is_that_of_the_paper(one, other, known):
    assert apart(np.array(one), np.array(other)) == pytest.approx(known, abs=1e-4)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("colors", [(GREY, BLACK, CONTROL, *GUIDED), OUTCOMES], ids=["arms", "outcomes"])
def test_colors_are_seen_to_differ(vision, colors):
    found = {(a, b): apart(lab(a, vision), lab(b, vision)) for a, b in combinations(colors, 2)}
    assert min(found.values()) > SEEN, min(found, key=found.get)


@pytest.mark.parametrize("constraints", [("a",), ("a", "b"), ("a", "b", "c")])
def test_arms_of_a_constraint_differ_without_color(constraints):
    arms = campaign(constraints)
    drawn = styles(arms)
    for name in constraints:
        shown = [drawn[a.name] for a in arms if a.constraint in (None, name)] + [REFERENCE_STYLE]
        for part in ("dash", "symbol"):
            looks = [getattr(style, part) for style in shown]
            assert len(set(looks)) == len(looks), part
        for one, other in combinations(shown, 2):
            darker = abs(lab(one.color)[0] - lab(other.color)[0])
            assert one.pattern != other.pattern or darker > 20


def test_every_arm_has_a_look_of_its_own():
    drawn = styles(campaign(("a", "b", "c")))
    assert len({(s.color, s.dash, s.symbol) for s in drawn.values()}) == len(drawn)


@pytest.mark.parametrize("scale", [SEQUENTIAL, ABOVE_HULL])
def test_scales_of_colors_are_steady_in_grey(scale):
    colors = sample_colorscale(get_colorscale(scale), np.linspace(0, 1, 30))
    rgb = ["#" + "".join(f"{round(v):02x}" for v in unlabel_rgb(c)) for c in colors]
    lightness = np.array([lab(color)[0] for color in rgb])
    steps = np.diff(lightness)
    assert (steps < 0).all() or (steps > 0).all()
    assert abs(lightness[-1] - lightness[0]) > 50


def test_text_can_be_read():
    import plotly.graph_objects as go

    figure = apply_layout(go.Figure(), "x / Å", "y / eV")
    assert figure.layout.font.size >= 12
    assert figure.layout.legend.yref == "container"  # below the axes, never on the data
    long = go.Figure([go.Scatter(x=[1], y=[1], name=str(i)) for i in range(10)])
    assert apply_layout(long, "", "").layout.height > figure.layout.height


def test_formulas_have_subscripts_and_no_markup_of_their_own():
    assert subscripts("Li2Co0.5O2") == "Li<sub>2</sub>Co<sub>0.5</sub>O<sub>2</sub>"
    assert subscripts("<b>") == "&lt;b&gt;"
