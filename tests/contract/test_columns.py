"""Names of columns and their units stand in lodestone.columns alone."""

import ast
import re

import polars as pl
import pytest

from lodestone.columns import Col
from lodestone.columns.candidates import CANDIDATES, PER_CONSTRAINT, PER_ESTIMATOR
from lodestone.columns.names import NAMES
from lodestone.columns.schemas import TABLES

OTHER_THINGS = {
    "cell", "displacement", "formula", "known", "lineage", "loss", "min_distance", "multiplicity", "n_atoms",
    "passed", "persistent", "representative", "satisfied", "space_group", "strength", "symprec", "valid",
    "values", "volume_per_atom",
}  # fmt: skip
"""Words that also are keys of the configuration or of documents, kinds of terms, stages or wordings."""
ELSEWHERE = {
    "pilot/record.py": {"satisfied_valid"},
    "references/sources/alexandria_bulk/delivery.py": {"e_above_hull"},
    "references/sources/mp_api/delivery.py": {"energy_per_atom"},
    "references/sources/optimade/__init__.py": {"energy_per_atom"},
    "references/sources/optimade/delivery.py": {"e_above_hull", "energy_per_atom"},
    "sampling/search/options.py": {"relax_steps"},
}
"""Keys of other documents: of a pilot's record, of databases, of a search's options."""
OF_ATOMS = {"cell", "values"}
COLUMNS = {"col", "alias", "sort", "group_by", "partition_by", "drop_nulls"}


def literals(tree):
    """Whole texts of a module, docstrings aside, with the function that each is an argument of."""
    ignored = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    ignored |= {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    called = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            called |= dict.fromkeys(node.args, name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in ignored:
            yield node.value, called.get(node, "")


def spelled_out(tree, allowed=frozenset()):
    """Names of columns that a module writes as texts."""
    return sorted(
        value
        for value, function in literals(tree)
        if value in NAMES
        and value not in allowed
        and (value not in OTHER_THINGS or (function in COLUMNS and value not in OF_ATOMS))
    )


def test_no_module_spells_out_a_column(root):
    package = root / "src" / "lodestone"
    found = {}
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        if path.parent.name != "columns":
            words = spelled_out(ast.parse(path.read_text(encoding="utf-8")), ELSEWHERE.get(name, ()))
            found |= {name: words} if words else {}
    assert found == {}


def test_every_exception_is_in_use(root):
    package = root / "src" / "lodestone"
    for name, words in ELSEWHERE.items():
        tree = ast.parse((package / name).read_text(encoding="utf-8"))
        assert words <= {value for value, _ in literals(tree)}, name
    assert set(NAMES) >= OTHER_THINGS


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ('rows["e_above_hull"]', ["e_above_hull"]),
        ("f\"{row['hull_note']}\"", ["hull_note"]),
        ('pl.col("valid")', ["valid"]),
        ('{"valid": 1}', []),
        ('"""e_above_hull"""', []),
        ("rows[Col.E_ABOVE_HULL]", []),
    ],
)
def test_a_spelled_out_column_is_found(code, words):
    assert spelled_out(ast.parse(code)) == words


def described():
    tables = {**TABLES, "candidates": CANDIDATES}
    yield from ((name, column) for table in tables.values() for name, column in table.columns.items())
    yield from PER_CONSTRAINT.items()
    yield Col.E_ABOVE_HULL, PER_ESTIMATOR


def test_every_unit_of_a_table_is_that_of_its_name():
    known = {name: column for name, column in described() if not column.unit.startswith("that of")}
    with_unit = {name for name, column in known.items() if column.unit}
    assert len(with_unit) > 20
    for name in with_unit:
        assert known[name].unit == NAMES[re.sub(r"^(sym|relaxed)_(?=cell$)", "", name)].unit, name
    silent = [n for n, column in described() if n in NAMES and NAMES[n].unit and not column.unit]
    assert silent == []


def test_the_schemas_write_no_unit(root):
    units = {name.unit for name in NAMES.values() if name.unit}
    assert {"eV/atom", "eV/Å", "Å"} <= units
    for module in ("candidates", "statistics", "column"):
        tree = ast.parse((root / f"src/lodestone/columns/{module}.py").read_text(encoding="utf-8"))
        assert units.isdisjoint(value for value, _ in literals(tree)), module


def test_members_are_named_after_their_columns():
    members = {key: value for key, value in vars(Col).items() if isinstance(value, str) and key.isupper()}
    assert {key.lower(): str(value) for key, value in members.items()} == {name: name for name in NAMES}


def test_a_name_is_a_text_to_polars():
    frame = pl.DataFrame({Col.VALID: [Col.SATISFIED, "other"]}).rename({Col.VALID: Col.FORMULA})
    assert frame.schema == {"formula": pl.String()}
    assert [type(name) for name in frame.columns] == [str]


def test_heads_and_derived_columns():
    assert Col.E_ABOVE_HULL.label == "e_above_hull / eV/atom"
    assert Col.E_ABOVE_HULL.head("error") == "error / eV/atom"
    assert Col.VALID.label == "valid"
    assert Col.SATISFIED.of("volume") == "volume.satisfied"
    assert Col.E_ABOVE_HULL.by("chgnet") == "e_above_hull_chgnet"
