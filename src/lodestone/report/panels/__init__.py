"""What stands below the first screen: a file is a panel, or a family of them, and is found by itself.

Such a module says its `PLACE` in the order of the page, the `CATEGORY` that it is shown under in Snakemake's
report, and has `panels(data)`, which gives its panels, or none where there is nothing to tell. Other packages
register theirs as entry points of `lodestone.panels`: `my_panel = "my_package.my_panel"`.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from types import ModuleType

from lodestone import plugins
from lodestone.report.panel import Panel
from lodestone.report.reading import ReportData
from lodestone.workflow.paths import CATEGORIES

GROUP = "panels"
"""Entry points of other packages: `lodestone.panels`."""


def panels(data: ReportData) -> list[Panel]:
    """Every panel in reading order."""
    return [
        replace(panel, category=module.CATEGORY) for module in families() for panel in module.panels(data)
    ]


@cache
def families() -> tuple[ModuleType, ...]:
    """The modules that make panels, in reading order.

    Raises:
        PluginError: one of them lacks its place, its category or its panels.
    """
    found = plugins.modules(sys.modules[__name__], GROUP)
    for module in found:
        _require(module)
    return tuple(sorted(found, key=lambda module: (module.PLACE, module.__name__)))


def _require(module: ModuleType) -> None:
    place, category = getattr(module, "PLACE", None), getattr(module, "CATEGORY", None)
    for name, good, wanted in (
        ("PLACE", isinstance(place, int | float), "a number: its place among the panels of the page"),
        ("CATEGORY", category in CATEGORIES, f"one of {', '.join(CATEGORIES)}"),
        ("panels", callable(getattr(module, "panels", None)), "a function (data: ReportData) -> list[Panel]"),
    ):
        if not good:
            raise plugins.PluginError(f"the panels of {module.__name__} lack `{name}`, {wanted}")
