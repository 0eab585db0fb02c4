"""Did guidance work? Rates of success by constraint and arm, with every test."""

from __future__ import annotations

from collections.abc import Iterator

from lodestone.report import texts
from lodestone.report.evidence import tests_view
from lodestone.report.figures.rates import rates_figure
from lodestone.report.panel import Panel
from lodestone.report.panels.constraints import relevant
from lodestone.report.reading import ReportData

PLACE = 10
CATEGORY = "guidance"


def panels(data: ReportData) -> Iterator[Panel]:
    """Rates of success by arm, and all tests."""
    names = [c["name"] for c in data.summary["constraints"]]
    rates = data.statistics["rates"]
    drawn = [(name, rates_figure(rates, name, relevant(name, data))) for name in names]
    tests = data.statistics["success"]
    yield Panel(
        "guidance",
        "Did guidance work?",
        texts.GUIDANCE,
        tuple((name, figure) for name, figure in drawn if figure is not None),
        missing="There is no constraint to test.",
        details=(("All comparisons", tests_view(tests)),) if tests.height else (),
    )
