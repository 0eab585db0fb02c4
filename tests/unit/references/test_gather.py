"""The references of a campaign: what each source came to, and when a campaign stops for one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the sources beside this file are not a package

from made_up import ELEMENTS, SYSTEMS, Asked, Near, Whole, crystals, listener, silent

from lodestone.references.building import fetch_all, fetch_system
from lodestone.references.descriptions import resolve
from lodestone.references.gather import gather, record
from lodestone.references.source import ReferenceSourceError
from lodestone.references.store import Store, bucket
from lodestone.references.table import SCHEMA, read_references
from lodestone.workflow.script_settings import ReferencesSettings


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_sources_come_in_their_order_and_keep_equal_crystals(store: Store) -> None:
    rows, outcomes = gather([Asked(), Near()], ELEMENTS, store, silent)
    assert rows["source"].unique(maintain_order=True).to_list() == ["asked", "near"]
    assert rows.schema == pl.Schema(SCHEMA)
    assert [(o.name, o.state, o.rows) for o in outcomes] == [
        ("asked", "complete", 21),
        ("near", "complete", 21),
    ]
    assert gather([Near(), Asked()], ELEMENTS, store, silent)[0]["source"][0] == "near"
    assert outcomes[0].left_out == {"disordered": len(SYSTEMS)}
    assert outcomes[0].retrieved == (rows["retrieved"][0], rows["retrieved"][0])


def test_only_missing_systems_are_asked_for(store: Store, tmp_path: Path) -> None:
    source = Asked(calls=tmp_path / "calls")
    gather([source], ["Li", "O"], store, silent)
    said, say = listener()
    gather([source], ELEMENTS, store, say)
    asked = (tmp_path / "calls").read_text().split()
    assert sorted(asked) == sorted(SYSTEMS)
    assert sum("of 4 systems)" in line for line in said) == 4
    (tmp_path / "calls").unlink()
    gather([source], ELEMENTS, store, silent)
    assert not (tmp_path / "calls").exists()


def test_systems_that_fail_are_missing_and_the_others_come(store: Store, tmp_path: Path) -> None:
    source = Asked(down=("Li", "Co"), calls=tmp_path / "calls")  # as services that choke on pure elements
    fetch_system(store, source, "O", silent)
    said, say = listener()
    rows, (asked, near) = gather([source, Near()], ELEMENTS, store, say)
    assert (asked.state, near.state) == ("partial", "complete")
    assert asked.missing == ("Co", "Li")
    assert asked.failure == "asked: no answer from https://asked.example; try again later"
    came = rows.filter(pl.col("source") == "asked")["chemical_system"].unique().to_list()
    assert sorted(came) == sorted(s for s in SYSTEMS if s not in ("Co", "Li"))
    assert (tmp_path / "calls").read_text().split() == ["O", *(s for s in reversed(SYSTEMS) if s != "O")]
    assert any("ASKED IS PARTIAL without Co, Li" in line for line in said)


def test_a_service_that_is_down_is_asked_twice_and_no_more(store: Store, tmp_path: Path) -> None:
    source = Asked(down=tuple(SYSTEMS), calls=tmp_path / "calls")
    rows, (asked, near) = gather([source, Near()], ELEMENTS, store, silent)
    assert (asked.state, near.state) == ("missing", "complete")
    assert (tmp_path / "calls").read_text().split() == SYSTEMS[:-3:-1]
    assert set(rows["source"]) == {"near"}


def test_an_incomplete_system_does_not_end_the_asking(store: Store) -> None:
    _, (asked,) = gather([Asked(short=("Li", "Co-O"))], ELEMENTS, store, silent)
    assert asked.missing == ("Li", "Co-O")
    assert asked.failure is not None
    assert "Li: 4 of 5 entries came" in asked.failure
    assert "Co-O: 4 of 5 entries came" in asked.failure


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Asked(required=True, down=("Co-O",)), "no answer from https://asked.example"),
        (Asked(required=True, short=("Co-O",)), "Co-O: 4 of 5 entries"),
        (Near(required=True, broken=True), r"no file near\.parquet"),
        (Whole(required=True), "lodestone references build --source whole"),
    ],
)
def test_a_required_source_stops_and_another_does_not(store: Store, source, message: str) -> None:
    with pytest.raises(ReferenceSourceError, match=message) as error:
        gather([source, Near()], ELEMENTS, store, silent)
    assert str(error.value).startswith(f"the reference source {source.name} is required")
    optional = source.model_copy(update={"required": False})
    others = Asked(name="asked2")
    rows, outcomes = gather([optional, others], ELEMENTS, store, silent)
    assert outcomes[0].state in ("partial", "missing")
    assert rows["source"].n_unique() >= 1
    assert outcomes[1].state == "complete"


def test_errors_of_the_system_count_as_failures_of_the_source(store: Store, monkeypatch) -> None:
    def refused(*_: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(Asked, "deliver", refused)
    _, (asked,) = gather([Asked()], ["Li"], store, silent)
    assert asked.state == "missing"
    assert asked.failure is not None
    assert "Connection refused" in asked.failure


def test_nothing_at_all_is_said_loudly(store: Store) -> None:
    said, say = listener()
    rows, (asked,) = gather([Asked(number=0)], ["Li"], store, say)
    assert rows.height == 0
    assert rows.schema == pl.Schema(SCHEMA)
    assert (asked.state, asked.retrieved) == ("complete", None)
    assert any("NONE CAME FROM ANY SOURCE" in line for line in said)
    assert gather([resolve("embedded")], ["Xe"], store, silent)[0].height == 0


def test_a_damaged_file_is_fetched_again(store: Store) -> None:
    before, _ = gather([Asked()], ELEMENTS, store, silent)
    ledger = store.ledger("asked")
    assert ledger is not None
    path = store.folder / "asked" / ledger.files[bucket("Co-Li-O")].name
    path.write_bytes(path.read_bytes()[:-7])
    said, say = listener()
    after, (asked,) = gather([Asked()], ELEMENTS, store, say)
    assert asked.state == "complete"
    assert after.equals(before)
    assert any(path.name in line and "damaged" in line for line in said)


def test_a_whole_database_is_read_from_the_store_only(store: Store) -> None:
    _, (whole,) = gather([Whole()], ELEMENTS, store, silent)
    assert whole.state == "missing"
    fetch_all(store, Whole(), silent)
    rows, (whole,) = gather([Whole()], ["Li", "O"], store, silent)
    assert whole.state == "complete"
    assert rows.height == whole.rows == 30
    _, (other,) = gather([Whole(number=3)], ELEMENTS, store, silent)
    assert other.failure is not None
    assert "built with another description" in other.failure


def test_a_damaged_database_is_named_and_not_silently_short(store: Store) -> None:
    fetch_all(store, Whole(), silent)
    ledger = store.ledger("whole")
    assert ledger is not None
    path = store.folder / "whole" / ledger.files[bucket("Li-O")].name
    path.write_bytes(b"PAR1")
    rows, (whole,) = gather([Whole()], ELEMENTS, store, silent)
    assert rows.height == 0
    assert whole.state == "missing"
    assert whole.failure is not None
    assert path.name in whole.failure
    assert "references build" in whole.failure


def test_an_id_in_two_systems_counts_once(store: Store, monkeypatch) -> None:
    def same_id(source: str, system: str, *_: int, **__: float) -> pl.DataFrame:
        rows = crystals(source, system, 1)
        return rows.with_columns(id=pl.lit(f"{source}/1"), source_id=pl.lit("1"))

    monkeypatch.setattr("made_up.crystals", same_id)
    rows, (asked,) = gather([Asked(number=0)], ["Li", "O"], store, silent)
    assert rows["id"].to_list() == ["asked/1"]
    assert asked.left_out == {"disordered": 3, "an id that came before": 2}


def test_a_store_that_cannot_be_written_serves_what_it_has(store: Store, monkeypatch) -> None:
    gather([Asked()], ELEMENTS, store, silent)

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Store, "writing", refused)
    assert gather([Asked()], ELEMENTS, store, silent)[1][0].state == "complete"


def test_the_record_is_json_with_every_source(store: Store) -> None:
    _, outcomes = gather([Asked(down=("Li",)), Near(licence="CC0")], ELEMENTS, store, silent)
    found = json.loads(json.dumps(record(outcomes)))["sources"]
    assert [one["name"] for one in found] == ["asked", "near"]
    assert found[0]["state"] == "partial"
    assert found[0]["missing"][0] == "Li"
    assert found[0]["failure"]
    assert (found[1]["kind"], found[1]["licence"], found[1]["failure"]) == ("made_up", "CC0", None)


def test_the_script_writes_table_and_record(tmp_path: Path, root: Path, monkeypatch) -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("references_script", root / "scripts" / "references.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setenv("LODESTONE_REFERENCES", str(tmp_path / "store"))
    settings = ReferencesSettings(references=("embedded",), chemical_system="Li-O")
    script.main(
        settings=settings, output=tmp_path / "references.parquet", sources=tmp_path / "references.json"
    )
    rows = read_references(tmp_path / "references.parquet")
    (told,) = json.loads((tmp_path / "references.json").read_text())["sources"]
    assert told["rows"] == rows.height > 0
    assert told["state"] == "complete"
    assert not (tmp_path / "store").exists()


def test_too_many_elements_are_refused_before_anyone_is_asked(store: Store, tmp_path: Path) -> None:
    from lodestone.structures.elements import ELEMENTS as EVERY

    source = Asked(calls=tmp_path / "calls")
    _, (asked,) = gather([source], EVERY[:13], store, silent)
    assert asked.failure is not None
    assert "8,191 sub-systems; sources are asked for up to 12 elements" in asked.failure
    assert not (tmp_path / "calls").exists()


def test_a_job_that_is_asked_to_stop_stops_between_systems(store: Store, monkeypatch) -> None:
    from lodestone.runtime.signals import Stopped

    stops = iter([None, None, Stopped("stopped")])

    def asked_to_stop(_: str) -> None:
        if stop := next(stops):
            raise stop

    monkeypatch.setattr("lodestone.references.gather.stop_if_asked", asked_to_stop)
    with pytest.raises(Stopped):
        gather([Asked(), Near()], ELEMENTS, store, silent)
    assert list(store.parts(Asked(), SYSTEMS)) == SYSTEMS[-2:]
