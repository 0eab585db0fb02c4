"""Kinds of sources and databases that come with the package: a new file is enough."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lodestone.plugins import PluginError
from lodestone.references import descriptions, sources
from lodestone.references.descriptions import (
    contents,
    database_names,
    describe,
    examples,
    from_description,
    kind_names,
    resolve,
    source_kind,
    source_kinds,
)
from lodestone.references.source import BulkSource, LocalSource, ReferenceSourceError, SystemSource
from lodestone.references.table import SCHEMA
from lodestone.structures import table


def test_every_kind_is_one_class_of_one_way_to_be_asked() -> None:
    assert {"embedded", "files"} <= set(kind_names())
    for kind, model in source_kinds().items():
        ways = [way for way in (LocalSource, SystemSource, BulkSource) if issubclass(model, way)]
        assert len(ways) == 1, kind
        assert model.model_config["frozen"]
        assert model.model_config["extra"] == "forbid"
        assert model.handling <= model.model_fields.keys() | {"required"}
        assert all(info.description for info in model.model_fields.values()), kind


def test_every_database_that_comes_along_is_good_and_named_like_its_file() -> None:
    assert "embedded" in database_names()
    shown = {source.kind for source in examples()}
    assert shown == set(kind_names())
    for name in database_names():
        found = resolve({"name": name, "required": True})
        assert found.name == name
        assert found.licence
        assert found.required


def test_a_description_says_the_whole_source() -> None:
    for source in examples():
        assert from_description(describe(source), look=False) == source
    embedded = resolve("embedded")
    assert contents(embedded) == contents(resolve({"name": "embedded", "required": True}))
    assert contents(embedded) != contents(resolve({"name": "embedded", "path": "x.parquet"}))


def test_a_new_file_is_a_new_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "archive.py").write_text(
        "from pathlib import Path\n"
        "from lodestone.references.source import LocalSource\n"
        "class Archive(LocalSource):\n"
        "    '''An archive.'''\n"
        "    shelf: int = 1\n"
        "    def paths(self):\n"
        "        return ()\n"
        "    def load(self, elements):\n"
        "        raise NotImplementedError\n"
    )
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(tmp_path)])
    assert "archive" in kind_names()
    found = resolve({"kind": "archive", "name": "mine", "shelf": 3})
    assert describe(found) == {
        "kind": "archive",
        "name": "mine",
        "licence": "",
        "required": False,
        "shelf": 3,
    }


def test_a_file_without_a_source_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hollow.py").write_text("from lodestone.references.source import LocalSource\n")
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(tmp_path)])
    with pytest.raises(PluginError, match=r"hollow must define one class .*\.Source, not 0"):
        source_kind("hollow")
    with pytest.raises(ReferenceSourceError, match=r"unknown kind .*'nowhere'; there are: .*embedded"):
        source_kind("nowhere")


ARCHIVE = """
from pathlib import Path
from lodestone.references.source import LocalSource, Source
class Archive({base}):
    path: Path
    other: Path = Path("none.csv")
    def {method}(self, elements):
        raise NotImplementedError
"""


def test_what_a_kind_lacks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, base, method in (
        ("without_load", "LocalSource", "lode"),
        ("in_no_way", "Source", "load"),
        ("without_example", "LocalSource", "load"),
    ):
        (tmp_path / f"{kind}.py").write_text(ARCHIVE.format(base=base, method=method))
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(tmp_path)])
    with pytest.raises(PluginError, match=r"without_load\.Archive lacks load; define what LocalSource"):
        source_kind("without_load")
    with pytest.raises(PluginError, match=r"in_no_way\.Archive is asked in no way .*LocalSource, System"):
        resolve({"kind": "in_no_way", "name": "mine"})
    monkeypatch.setattr(descriptions, "kind_names", lambda: ("without_example",))
    monkeypatch.setattr(descriptions, "database_names", lambda: ())
    with pytest.raises(PluginError, match=r"Archive\.example: .* no default: path: is missing"):
        examples()


def test_the_files_of_a_source_are_those_that_its_keys_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shelved.py").write_text(ARCHIVE.format(base="LocalSource", method="load"))
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(tmp_path)])
    shelf = tmp_path / "shelf" / "deep"
    shelf.mkdir(parents=True)
    (shelf / "one.cif").touch()
    found = resolve({"kind": "shelved", "name": "mine", "path": str(shelf.parent)})
    assert isinstance(found, LocalSource)
    assert found.paths() == (shelf / "one.cif", Path("none.csv"))


def test_a_new_description_is_a_new_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "demo.yaml").write_text("kind: embedded\nname: demo\nlicence: CC0\n")
    monkeypatch.setattr(descriptions, "DATABASES", tmp_path)
    assert database_names() == ("demo",)
    rows = resolve("demo").read(["Li", "O"]).rows
    assert rows["source"].unique().to_list() == ["demo"]
    assert rows["id"].str.starts_with("demo/").all()


def test_embedded_references_are_a_table_of_the_system() -> None:
    found = resolve("embedded").read(["Li", "Co", "O"]).rows
    assert set(found.columns) == set(SCHEMA)
    assert {"Co-Li-O", "Co-O", "Li-O", "Co-Li", "Li", "Co", "O"} == set(found["chemical_system"])
    assert found.filter(pl.col("chemical_system") == "Co-Li-O").height > 50
    assert found["e_above_hull"].min() == pytest.approx(0, abs=1e-9)
    assert found["energy_per_atom"].is_finite().all()
    for row in found.iter_rows(named=True):
        dt.date.fromisoformat(row["retrieved"])
        _, cell, frac = table.arrays(row)
        assert np.isfinite(frac).all()
        assert abs(np.linalg.det(cell)) > 1


def test_a_missing_asset_is_named(tmp_path: Path) -> None:
    missing = resolve({"name": "embedded", "path": str(tmp_path / "none.parquet")})
    with pytest.raises(ReferenceSourceError, match="embedded references are missing"):
        missing.read(["Li"])
