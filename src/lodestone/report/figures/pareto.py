"""Loss against energy above the hull, with the non-dominated fronts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from lodestone.columns import Col
from lodestone.report.palette import BLACK, GREY, REFERENCE_STYLE, Style, apply_layout, label

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_POINTS = 4000
MANY = 200
"""Points of a group from which they are drawn smaller and lighter."""
FRONTS = 3
DASHES = ("solid", "dash", "dot")
OTHER = "arms of other constraints"
OTHER_STYLE = Style(GREY, "solid", "x-thin-open")


def loss_unit(terms: Sequence[Mapping[str, Any]]) -> str:
    """Unit of a constraint's loss, of its terms' unit and distance: l2 squares it; "" where it has none.

    Terms of several units have no common one, which is said.
    """
    found = {f"({t['unit']})²" if t.get("distance") == "l2" and t["unit"] else str(t["unit"]) for t in terms}
    return found.pop() if len(found) == 1 else "mixed units"


def pareto_figure(
    points: pl.DataFrame,
    styles: Mapping[str, Style],
    shown_below: float,
    *,
    unit: str = "",
    arms: Sequence[str] | None = None,
) -> Figure | None:
    """Candidates by arm and references of one constraint; lines join the first fronts of all together.

    Points above `shown_below` (eV/atom) are not drawn; of very many, those of the lowest ranks are.
    The axis ends with the candidates; references beyond are a double click away. `unit` is that of the
    loss; candidates of arms that are not among `arms` (default: all) are drawn alike, small and grey.
    """
    near = points.filter(pl.col(Col.E_ABOVE_HULL) <= shown_below).sort("rank").head(MOST_POINTS)
    if not near.height:
        return None
    import plotly.graph_objects as go

    figure = go.Figure()
    for rank in range(FRONTS, 0, -1):
        _front(figure, near.filter(pl.col("rank") == rank).sort(Col.LOSS, Col.E_ABOVE_HULL), rank)
    found = near.filter(pl.col("kind") == "candidate")
    named = list(styles) if arms is None else list(arms)
    groups = [
        ("references", near.filter(pl.col("kind") == "reference"), REFERENCE_STYLE),
        (OTHER, found.filter(~pl.col("arm").is_in(named)), OTHER_STYLE),
        *((arm, found.filter(pl.col("arm") == arm), styles[arm]) for arm in named),
    ]
    for name, part, style in groups:
        if part.height:
            _add_points(figure, name, part, style, unit)
    title = "loss (symmetrised)" + (f" / {label(unit)}" if unit else "")
    apply_layout(figure, title, Col.E_ABOVE_HULL.label, height=520)
    figure.add_hline(y=0, line={"color": "#BBBBBB", "width": 1})
    if found.height:
        widest = max(float(found[Col.LOSS].max() or 0.0), 1e-3)  # type: ignore[arg-type]
        figure.update_xaxes(range=[-0.05 * widest, 1.1 * widest])
    return figure


def _front(figure: Figure, front: pl.DataFrame, rank: int) -> None:
    if front.height:
        figure.add_scatter(
            x=front[Col.LOSS].to_list(),
            y=front[Col.E_ABOVE_HULL].to_list(),
            mode="lines",
            line={"shape": "hv", "color": BLACK, "width": 2.0 / rank, "dash": DASHES[rank - 1]},
            name=f"front {rank}",
            hoverinfo="skip",
        )


def _add_points(figure: Figure, name: str, part: pl.DataFrame, style: Style, unit: str) -> None:
    small, many = style is OTHER_STYLE, part.height >= MANY
    figure.add_scatter(
        x=part[Col.LOSS].to_list(),
        y=part[Col.E_ABOVE_HULL].to_list(),
        mode="markers",
        marker={
            "color": style.color, "symbol": style.symbol, "size": 5 if small else 6 if many else 8,
            "opacity": 0.5 if small or many else 0.85,
        },
        name=label(name),
        text=[_text(row) for row in part.iter_rows(named=True)],
        hovertemplate="%{text}<br>loss %{x:.3g}" + (f" {label(unit)}" if unit else "")
        + f", {Col.E_ABOVE_HULL} %{{y:.3f}} {Col.E_ABOVE_HULL.unit}<extra></extra>",
    )  # fmt: skip


def _text(row: Mapping[str, Any]) -> str:
    group = f", space group {row[Col.SPACE_GROUP]}" if row[Col.SPACE_GROUP] is not None else ""
    arm = f"<br>{label(row['arm'])}" if row["arm"] is not None else "<br>reference"
    return f"<b>{label(row[Col.FORMULA])}</b>{group}{arm}<br>{label(row['id'])}<br>front {row['rank']}"
