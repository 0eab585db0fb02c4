"""A panel in one new file, or registered by another package, is a section of the report."""

from __future__ import annotations

FOUND = """
import json
from types import SimpleNamespace
import polars as pl
from lodestone.report import panels as folder

families = folder.families()
places = [family.__name__.rpartition(".")[2] for family in families]
folder.families = lambda: tuple(family for family in families if family.__name__.endswith("elements"))
(panel,) = folder.panels(SimpleNamespace(candidates=pl.DataFrame({"formula": ["CoO", "CoO", "Co"]})))
print(json.dumps([places, panel.anchor, panel.category, str(panel.tables[0][1].rows)]))
"""


def test_it_stands_in_its_place_and_category(house, tmp_path):
    places, anchor, category, rows = house.value(tmp_path, FOUND)
    assert places[places.index("elements") - 1] == "attrition"
    assert places[places.index("elements") + 1] == "diversity"
    assert (anchor, category) == ("elements", "candidates")
    assert "CoO" in rows
