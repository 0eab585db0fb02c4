"""Every column is described, with its type, and the descriptions are true."""

from __future__ import annotations

import pytest
from tools.documentation.statistics import statistics_page

from lodestone.columns.candidates import CANDIDATES, PER_CONSTRAINT, column_of
from lodestone.columns.schemas import TABLES
from lodestone.constraints import persistence
from lodestone.curation import duplicates, novelty, screening, symmetry, validity
from lodestone.energies import evaluation, hull
from lodestone.sampling import batches
from lodestone.statistics.analysis import Analysis

STAGES = (batches, validity, symmetry, screening, duplicates, novelty, evaluation, hull)
FILES = {"reasons": "attrition_reasons"}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__.rpartition(".")[2])
def test_columns_of_the_stages_are_those_described(stage) -> None:
    for name, kind in stage.SCHEMA.items():
        if name in ("id", "kind"):
            continue
        prefix = "sym_" if stage is symmetry and name in ("numbers", "cell", "frac") else ""
        found = column_of(prefix + name)
        assert found is not None, name
        assert found.kind == kind, name


def test_columns_of_the_relaxation_are_those_described() -> None:
    for name, kind in persistence.SCHEMA.items():
        found = column_of(f"relaxed_{name}" if name in ("numbers", "cell", "frac") else name)
        assert found is not None, name
        assert found.kind == kind, name


def test_patterns() -> None:
    assert column_of("co_o_4.loss") == PER_CONSTRAINT["loss"]
    assert column_of("e_above_hull_chgnet") is not None
    assert column_of("co_o_4.nothing") is None
    assert column_of("nothing") is None
    assert column_of(".loss") is None


def test_every_table_of_the_analysis_is_described() -> None:
    names = {FILES.get(name, name) for name in Analysis.__annotations__}
    assert names - {"candidates"} == set(TABLES)


def test_the_page_holds_every_column() -> None:
    page = statistics_page()
    for name, table in TABLES.items():
        section = page.partition(f"`statistics/{name}.parquet`")[2].partition("\n### ")[0]
        listed = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
        assert listed == list(table.columns)
        assert all(column.meaning for column in table.columns.values())
    for name in [*CANDIDATES.columns, *PER_CONSTRAINT]:
        assert f"| `{name}` |" in page
