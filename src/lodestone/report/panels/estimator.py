"""Error of the energy estimator against the energies that the references came with."""

from __future__ import annotations

from collections.abc import Iterator

from lodestone.columns import Col
from lodestone.report import texts
from lodestone.report.cells import plain_view
from lodestone.report.figures.estimator import (
    distance_figure,
    distance_table,
    error_row,
    parity_figure,
    parity_table,
)
from lodestone.report.panel import Panel
from lodestone.report.reading import ReportData
from lodestone.report.texts import HEADS

PLACE = 100
CATEGORY = "estimator"


def panels(data: ReportData) -> Iterator[Panel]:
    """Parity and errors of the estimator."""
    error = data.estimator_error
    drawings = (
        (
            "energies of the references",
            parity_figure(
                parity_table(data.references, data.reference_energies), error_row(error, Col.ENERGY_PER_ATOM)
            ),
        ),
        (
            "error against distance to the hull",
            distance_figure(distance_table(data.references, data.hull), error_row(error, Col.E_ABOVE_HULL)),
        ),
    )
    yield Panel(
        "estimator",
        "Error of the energy estimator",
        texts.ESTIMATOR,
        tuple((title, figure) for title, figure in drawings if figure is not None),
        (("", plain_view(error, HEADS)),) if error is not None and error.height else (),
        missing="No reference has both energies: the estimator could not be checked.",
    )
