"""Convex hulls of one to four elements, and energies above the hull by composition for every system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.report.palette import ABOVE_HULL, BLACK, GREY, GUIDED, Style, apply_layout, label, subscripts

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
    "title": {"text": f"{Col.E_ABOVE_HULL.label}{RAISED}", "side": "top"},
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
        f"<b>{label(r[Col.FORMULA])}</b><br>{label(r['id'])}<br>"
        f"{Col.E_ABOVE_HULL} {r[Col.E_ABOVE_HULL]:.3f} {Col.E_ABOVE_HULL.unit}"
        for r in points.iter_rows(named=True)
    ]


def stable_phases(points: pl.DataFrame) -> pl.DataFrame:
    """The references on the hull, one per formula, with their rows' numbers in `points` as `row`."""
    on = (pl.col("kind") == "reference") & (pl.col(Col.E_ABOVE_HULL) <= ON_HULL)
    return points.with_row_index("row").filter(on).unique(Col.FORMULA, keep="first", maintain_order=True)


def tie_lines(stable: pl.DataFrame) -> list[tuple[int, int]]:
    """Pairs of stable phases, by place in `stable`, that border a facet of the hull.

    None are known where the phases do not span the system (an element is missing, for one).
    """
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition

    entries = [
        PDEntry(Composition(f), e * Composition(f).num_atoms, name=str(i))
        for i, (f, e) in enumerate(stable.select(Col.FORMULA, Col.ENERGY_PER_ATOM).iter_rows())
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
    highest_first = np.argsort(-points[Col.E_ABOVE_HULL].to_numpy(), kind="stable")
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
    names = [f"{subscripts(f)}{RAISED}" for f in stable[Col.FORMULA].filter(named)]
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
    names = [subscripts(f) for f in stable[Col.FORMULA]]
    figure.add_scatter3d(
        **_xyz(places), mode="text", text=names, textfont={"size": 13, "color": BLACK}, hoverinfo="skip",
        textposition="top center", showlegend=False,
    )  # fmt: skip
    bare = [e for e in elements if e not in set(stable[Col.FORMULA])]
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
    energies = points[Col.E_ABOVE_HULL].to_numpy()[mask].tolist()
    return {"symbol": symbol, "size": size, "coloraxis": "coloraxis", "color": energies}


def _lowest(points: pl.DataFrame, rows: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Of `rows`, the lowest of each composition: in three dimensions it may be hidden by those above it."""
    energies = points[Col.E_ABOVE_HULL].to_numpy()[rows]
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


MOST_FORMULAS = 30


def above_by_composition_figure(points: pl.DataFrame) -> Figure | None:
    """One line per composition of a candidate, the lowest first: its candidates and references.

    `points`: id, kind, formula, e_above_hull (eV/atom).
    """
    candidates = points.filter(pl.col("kind") == "candidate")
    lowest = (
        candidates.group_by(Col.FORMULA)
        .agg(pl.col(Col.E_ABOVE_HULL).min())
        .sort(Col.E_ABOVE_HULL, Col.FORMULA)
    )
    if not lowest.height:
        return None
    import plotly.graph_objects as go

    formulas = lowest[Col.FORMULA].head(MOST_FORMULAS).to_list()
    figure = go.Figure()
    looks = (("reference", BLACK, "diamond-open"), ("candidate", GUIDED[0], "circle"))
    for kind, color, symbol in looks:
        part = points.filter(pl.col("kind") == kind, pl.col(Col.FORMULA).is_in(formulas))
        if part.height:
            figure.add_scatter(
                x=part[Col.E_ABOVE_HULL].to_list(), y=[subscripts(f) for f in part[Col.FORMULA]],
                mode="markers", name=f"{kind}s", text=hover(part),
                marker={"color": color, "symbol": symbol, "size": 9, "opacity": 0.8},
                hovertemplate="%{text}<extra></extra>",
            )  # fmt: skip
    apply_layout(figure, Col.E_ABOVE_HULL.label, "composition", height=150 + 24 * len(formulas))
    order = [subscripts(f) for f in formulas]
    figure.update_yaxes(categoryorder="array", categoryarray=order[::-1], type="category", dtick=1)
    hidden = lowest.height - len(formulas)
    if hidden:
        figure.update_yaxes(title=f"composition ({hidden} higher ones not shown)")
    return figure


MOST_POINTS = 3000
DRAWN = {3: ternary_figure, 4: quaternary_figure}
"""Number of elements -> its drawing."""


def hull_figure(points: pl.DataFrame, elements: Sequence[str], shown_below: float) -> Figure | None:
    """Picture of a hull: formation energies of a binary, a triangle, a tetrahedron; else by composition.

    None where nothing is near the hull, and for a binary without elemental references.

    `points`: id, kind, formula, energy_per_atom (estimator's, eV/atom), e_above_hull.
    """
    near = points.filter(
        pl.col(Col.E_ABOVE_HULL).is_finite()
        & pl.col(Col.ENERGY_PER_ATOM).is_finite()
        & (pl.col(Col.E_ABOVE_HULL) <= shown_below)
    ).sort(Col.E_ABOVE_HULL)
    near = near.filter(pl.col("kind") == "reference").vstack(
        near.filter(pl.col("kind") == "candidate").head(MOST_POINTS)
    )
    if not near.height:
        return None
    if len(elements) == 1:
        return _unary(near, elements[0])
    fractions = fractions_of(near[Col.FORMULA], elements)
    if len(elements) == 2:
        formation = _formation(near, fractions)
        return None if formation is None else _binary(near, fractions[:, 1], formation, elements)
    if len(elements) in DRAWN:
        return DRAWN[len(elements)](near, fractions, elements)
    return above_by_composition_figure(near)


def above_hull_figure(candidates: pl.DataFrame, styles: Mapping[str, Style]) -> Figure | None:
    """Share of an arm's screened representatives below each energy above the hull."""
    rows = candidates.filter(
        pl.col(Col.IS_REPRESENTATIVE).fill_null(value=False) & pl.col(Col.E_ABOVE_HULL).is_finite()
    )
    if not rows.height:
        return None
    import plotly.graph_objects as go

    figure = go.Figure()
    for arm, style in styles.items():
        energies = np.sort(rows.filter(pl.col("arm") == arm)[Col.E_ABOVE_HULL].to_numpy())
        if len(energies):
            figure.add_scatter(
                x=energies.tolist(),
                y=(np.arange(1, len(energies) + 1)).tolist(),
                mode="lines+markers" if len(energies) < 30 else "lines",
                line={"shape": "hv", "color": style.color, "dash": style.dash},
                marker={"symbol": style.symbol},
                name=label(arm),
                hovertemplate="%{y} at or below %{x:.3f} eV/atom<extra>%{fullData.name}</extra>",
            )
    apply_layout(figure, Col.E_ABOVE_HULL.label, "distinct structures at or below")
    if rows.height < 50:
        figure.update_yaxes(dtick=max(1, rows.height // 10))
    return figure


def _formation(points: pl.DataFrame, fractions: np.ndarray) -> np.ndarray | None:
    """Formation energies (n_points,) in eV/atom from the lowest elemental references."""
    energies = points[Col.ENERGY_PER_ATOM].to_numpy()
    is_reference = (points["kind"] == "reference").to_numpy()
    lowest = []
    for column in fractions.T:
        pure = energies[is_reference & (column > 1 - 1e-9)]
        if not len(pure):
            return None
        lowest.append(pure.min())
    return np.asarray(energies - fractions @ np.array(lowest))


def _binary(points: pl.DataFrame, x: np.ndarray, formation: np.ndarray, elements: Sequence[str]) -> Figure:
    import plotly.graph_objects as go

    figure, texts = go.Figure(), np.array(hover(points))
    kind, above = points["kind"].to_numpy(), points[Col.E_ABOVE_HULL].to_numpy()
    stable = (kind == "reference") & (above <= ON_HULL)
    order = np.argsort(x[stable])
    names = np.array([subscripts(f) for f in points[Col.FORMULA]])
    figure.add_scatter(
        x=x[stable][order].tolist(), y=formation[stable][order].tolist(), mode="lines+markers+text",
        line={"color": BLACK}, marker={"symbol": "diamond", "size": 9},
        customdata=texts[stable][order].tolist(), text=names[stable][order].tolist(),
        textposition="bottom center", cliponaxis=False,
        name="hull of the references", hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    groups = (
        ("other references", (kind == "reference") & ~stable, GREY, "diamond-open"),
        ("candidates", kind == "candidate", GUIDED[0], "circle"),
    )
    for name, mask, color, symbol in groups:
        figure.add_scatter(
            x=x[mask].tolist(), y=formation[mask].tolist(), mode="markers", name=name,
            marker={"color": color, "symbol": symbol, "opacity": 0.8}, text=texts[mask].tolist(),
            hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip
    apply_layout(
        figure, f"atomic fraction of {elements[1]}", Col.ENERGY_PER_ATOM.head("formation energy"), height=480
    )
    return figure.update_xaxes(range=[-0.05, 1.05])


def _unary(points: pl.DataFrame, element: str) -> Figure:
    """Energy levels: a short line for every structure, over that of the most stable reference."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for place, (kind, color) in enumerate((("reference", BLACK), ("candidate", GUIDED[0]))):
        part = points.filter(pl.col("kind") == kind)
        if part.height:
            figure.add_scatter(
                x=[place] * part.height, y=part[Col.ENERGY_PER_ATOM].to_list(), mode="markers",
                marker={"symbol": "line-ew", "size": 70, "line": {"color": color, "width": 2}},
                text=hover(part), hovertemplate="%{text}<br>%{y:.3f} eV/atom<extra></extra>",
                name=f"{kind}s (n = {part.height})", showlegend=False,
            )  # fmt: skip
    apply_layout(figure, f"forms of {label(element)}", Col.ENERGY_PER_ATOM.head("energy"), height=480)
    counts = {k: points.filter(pl.col("kind") == k).height for k in ("reference", "candidate")}
    return figure.update_xaxes(
        tickvals=[0, 1], ticktext=[f"{k}s<br>(n = {n})" for k, n in counts.items()], range=[-0.6, 1.6]
    )
