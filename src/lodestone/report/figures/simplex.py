"""Hulls of three and four elements: composition as a place in a triangle or a tetrahedron."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lodestone.report.palette import ABOVE_HULL, BLACK, GREY, apply_layout, label, subscripts

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

ON_HULL = 1e-6  # eV/atom
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0.5, 3**0.5 / 2, 0], [0.5, 3**0.5 / 6, (2 / 3) ** 0.5]])
"""Corners of a regular tetrahedron with edges of length 1, (4, 3)."""
CAMERA = {"eye": {"x": 1.25, "y": -1.45, "z": 0.58}, "center": {"x": 0, "y": 0, "z": -0.1}}
"""Where a tetrahedron is seen from: near enough to fill the drawing, far enough to be whole at any width."""
RAISED = "<br> "
"""An empty line below a text, which lifts it clear of what it names."""
COLORBAR = {
    "orientation": "h", "yref": "container", "y": 0.97, "yanchor": "top", "thickness": 12,
    "title": {"text": f"e_above_hull / eV/atom{RAISED}", "side": "top"},
}  # fmt: skip


def fractions_of(formulas: Iterable[str], elements: Sequence[str]) -> np.ndarray:
    """Atomic fractions, (n_formulas, n_elements)."""
    from pymatgen.core import Composition

    known = {formula: Composition(formula) for formula in set(formulas)}
    rows = [[float(known[f].get_atomic_fraction(e)) for e in elements] for f in formulas]
    return np.array(rows).reshape(-1, len(elements))


def hover(points: pl.DataFrame) -> list[str]:
    """What a point of `points` (formula, id, e_above_hull) tells."""
    return [
        f"<b>{label(r['formula'])}</b><br>{label(r['id'])}<br>e_above_hull {r['e_above_hull']:.3f} eV/atom"
        for r in points.iter_rows(named=True)
    ]


def stable_phases(points: pl.DataFrame) -> pl.DataFrame:
    """The references on the hull, one per formula, with their rows' numbers in `points` as `row`."""
    on = (pl.col("kind") == "reference") & (pl.col("e_above_hull") <= ON_HULL)
    return points.with_row_index("row").filter(on).unique("formula", keep="first", maintain_order=True)


def tie_lines(stable: pl.DataFrame) -> list[tuple[int, int]]:
    """Pairs of stable phases, by place in `stable`, that border a facet of the hull.

    None are known where the phases do not span the system (an element is missing, for one).
    """
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition

    entries = [
        PDEntry(Composition(f), e * Composition(f).num_atoms, name=str(i))
        for i, (f, e) in enumerate(stable.select("formula", "energy_per_atom").iter_rows())
    ]
    try:
        diagram = PhaseDiagram(entries)
    except ValueError:  # the elements are not all there
        return []
    pairs = {
        tuple(sorted((int(diagram.qhull_entries[a].name), int(diagram.qhull_entries[b].name))))
        for facet in diagram.facets
        for a, b in combinations(facet, 2)
    }
    return sorted((a, b) for a, b in pairs)


def ternary_figure(points: pl.DataFrame, fractions: np.ndarray, elements: Sequence[str]) -> Figure:
    """The triangle of a ternary: lines between stable phases, and all phases by energy above the hull."""
    import plotly.graph_objects as go

    figure, stable = go.Figure(), stable_phases(points)
    places = fractions[stable["row"].to_numpy()]
    path = _path(places, tie_lines(stable))
    figure.add_scatterternary(
        **_abc(path), mode="lines", line={"color": GREY, "width": 1}, name="hull", hoverinfo="skip",
        cliponaxis=False,
    )  # fmt: skip
    # the lowest of a composition is drawn last, on top of those above it
    highest_first = np.argsort(-points["e_above_hull"].to_numpy(), kind="stable")
    kind, texts = points["kind"].to_numpy(), np.array(hover(points))
    for name, symbol, size in (("candidate", "circle", 10), ("reference", "diamond-open", 13)):
        mask = highest_first[kind[highest_first] == name]
        figure.add_scatterternary(
            **_abc(fractions[mask]), mode="markers", cliponaxis=False, showlegend=False,
            text=texts[mask].tolist(), hovertemplate="%{text}<extra></extra>",
            marker=_marker(points, mask, symbol, size),
        )  # fmt: skip
        # the legend cannot show a colour that stands for a number
        figure.add_scatterternary(
            a=[None], b=[None], c=[None], mode="markers", name=f"{name}s",
            marker={"symbol": symbol, "size": size, "color": GREY},
        )  # fmt: skip
    named = places.max(axis=1, initial=0) < 1  # the corners bear names already
    names = [f"{subscripts(f)}{RAISED}" for f in stable["formula"].filter(named)]
    figure.add_scatterternary(
        **_abc(places[named]), mode="text", text=names, hoverinfo="skip",
        textposition="top center", textfont={"size": 13, "color": BLACK}, cliponaxis=False,
        showlegend=False,
    )  # fmt: skip
    axes = {
        f"{axis}axis": {"title": {"text": element}, "tickfont": {"size": 12}, "tickvals": [0.25, 0.5, 0.75]}
        for axis, element in zip("abc", elements, strict=True)
    }
    apply_layout(figure, "", "", height=560)
    return figure.update_layout(
        ternary={"sum": 1, **axes}, coloraxis={"colorscale": ABOVE_HULL, "colorbar": COLORBAR},
        margin={"l": 40, "r": 40, "t": 110},
    )  # fmt: skip


def quaternary_figure(points: pl.DataFrame, fractions: np.ndarray, elements: Sequence[str]) -> Figure:
    """The tetrahedron of a quaternary, which can be turned: stable phases are named and joined.

    Of the candidates, and of the references, of one composition only the lowest is drawn.
    """
    import plotly.graph_objects as go

    figure, stable = go.Figure(), stable_phases(points)
    edges = _path(CORNERS, list(combinations(range(4), 2)))
    places = fractions[stable["row"].to_numpy()] @ CORNERS
    ties = _path(places, tie_lines(stable))
    for name, path, color, width in (("edges", edges, BLACK, 3), ("hull", ties, "#9A9A9A", 1.5)):
        figure.add_scatter3d(
            **_xyz(path), mode="lines", line={"color": color, "width": width}, hoverinfo="skip", name=name,
            showlegend=name == "hull",
        )  # fmt: skip
    kind, texts = points["kind"].to_numpy(), np.array(hover(points))
    for name, symbol, size in (("candidate", "circle", 5), ("reference", "diamond-open", 6)):
        mask = _lowest(points, np.flatnonzero(kind == name), fractions)
        figure.add_scatter3d(
            **_xyz(fractions[mask] @ CORNERS), mode="markers", text=texts[mask].tolist(), showlegend=False,
            hovertemplate="%{text}<extra></extra>", marker=_marker(points, mask, symbol, size),
        )  # fmt: skip
        # the legend cannot show a colour that stands for a number
        figure.add_scatter3d(
            x=[None], y=[None], z=[None], mode="markers", name=f"{name}s",
            marker={"symbol": symbol, "size": size, "color": GREY},
        )  # fmt: skip
    names = [subscripts(f) for f in stable["formula"]]
    figure.add_scatter3d(
        **_xyz(places), mode="text", text=names, textfont={"size": 13, "color": BLACK}, hoverinfo="skip",
        textposition="top center", showlegend=False,
    )  # fmt: skip
    bare = [e for e in elements if e not in set(stable["formula"])]
    if bare:  # a corner without a stable phase still has a name
        corners = CORNERS[[list(elements).index(e) for e in bare]]
        figure.add_scatter3d(
            **_xyz(corners), mode="text", text=bare, textfont={"size": 13, "color": GREY}, showlegend=False,
            hoverinfo="skip",
        )  # fmt: skip
    apply_layout(figure, "", "", height=640)
    hidden = {axis: {"visible": False} for axis in ("xaxis", "yaxis", "zaxis")}
    return figure.update_layout(
        scene={**hidden, "aspectmode": "data", "camera": CAMERA},
        coloraxis={"colorscale": ABOVE_HULL, "colorbar": COLORBAR},
        margin={"l": 0, "r": 0, "t": 80},
    )  # fmt: skip


def _marker(points: pl.DataFrame, mask: np.ndarray, symbol: str, size: int) -> dict[str, Any]:
    energies = points["e_above_hull"].to_numpy()[mask].tolist()
    return {"symbol": symbol, "size": size, "coloraxis": "coloraxis", "color": energies}


def _lowest(points: pl.DataFrame, rows: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Of `rows`, the lowest of each composition: in three dimensions it may be hidden by those above it."""
    energies = points["e_above_hull"].to_numpy()[rows]
    ordered = rows[np.argsort(energies, kind="stable")]
    _, first = np.unique(fractions[ordered].round(6), axis=0, return_index=True)
    return np.asarray(ordered[np.sort(first)])


def _path(places: np.ndarray, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """Lines between pairs of places as one path with gaps, (3 * n_pairs, n_dimensions)."""
    gap = np.full(places.shape[1], np.nan)
    rows = [row for a, b in pairs for row in (places[a], places[b], gap)]
    return np.array(rows).reshape(-1, places.shape[1])


def _abc(places: np.ndarray) -> dict[str, list[float | None]]:
    return _columns(places, "abc")


def _xyz(places: np.ndarray) -> dict[str, list[float | None]]:
    return _columns(places, "xyz")


def _columns(places: np.ndarray, names: str) -> dict[str, list[float | None]]:
    return {
        name: [None if np.isnan(v) else float(v) for v in column]
        for name, column in zip(names, places.T, strict=True)
    }
