"""The store: what goes in comes out, whole or not at all, also beside a writer and after a kill."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the sources beside this file are not a package

from made_up import SYSTEMS, Asked, Whole, crystals, silent  # noqa: E402

from lodestone.references.building import fetch_all, fetch_system  # noqa: E402
from lodestone.references.source import IncompleteError, ReferenceSourceError  # noqa: E402
from lodestone.references.store import DamagedError, Store, bucket, read_ledger, store_folder, systems_within  # noqa: E402
from lodestone.references.table import within_system  # noqa: E402

ORDER = ("chemical_system", "id")
OTHERS = [
    f"{a}-{b}" for a in ("Ac", "Ag", "Al", "Ar", "As", "Au") for b in ("Ba", "Be", "Bi", "Br", "C", "Ca")
]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def everything(systems: list[str], **changes: float) -> pl.DataFrame:
    return pl.concat([crystals("asked", system, **changes) for system in systems]).sort(ORDER)


def test_systems_are_all_sub_systems_the_small_ones_first() -> None:
    assert systems_within(["O", "Li"]) == ["Li", "O", "Li-O"]
    assert len(systems_within(["Li", "Co", "O", "Li"])) == 7


def test_what_was_fetched_is_read_back_and_asked_for_once(store: Store, tmp_path: Path) -> None:
    source = Asked(calls=tmp_path / "calls")
    for _ in range(2):
        for system in SYSTEMS:
            part = fetch_system(store, source, system, silent)
            assert (part.rows, part.expected, part.left_out) == (3, 4, {"disordered": 1})
            assert part.origin == {"url": "https://asked.example"}
    assert (tmp_path / "calls").read_text().split() == SYSTEMS
    assert store.read("asked", SYSTEMS).equals(everything(SYSTEMS))
    assert store.read("asked", ["Co-O"]).equals(everything(["Co-O"]))
    assert store.read("asked", ["B"]).height == store.read("nobody", ["B"]).height == 0
    assert not list(store.folder.glob("asked/building/pages/*"))


def test_a_system_without_crystals_is_remembered(store: Store, tmp_path: Path) -> None:
    source = Asked(number=0, calls=tmp_path / "calls")
    for _ in range(2):
        assert fetch_system(store, source, "Li-O", silent).rows == 0
    assert (tmp_path / "calls").read_text().split() == ["Li-O"]
    assert store.read("asked", ["Li-O"]).height == 0


def test_another_description_is_fetched_anew_but_not_another_patience(store: Store) -> None:
    fetch_system(store, Asked(), "Li-O", silent)
    assert store.parts(Asked(required=True), ["Li-O"])
    other = Asked(shift=-1.0)
    assert not store.parts(other, ["Li-O"])
    fetch_system(store, other, "Li-O", silent)
    assert store.read("asked", ["Li-O"]).equals(everything(["Li-O"], shift=-1.0))


def test_fetching_again_replaces_and_a_failure_keeps_what_was_there(store: Store) -> None:
    fetch_system(store, Asked(), "Li-O", silent)
    fetch_system(store, Asked(), "O", silent)
    before = store.read("asked", ["Li-O", "O"])
    for source, error in (
        (Asked(down=("Li-O",)), ReferenceSourceError),
        (Asked(short=("Li-O",)), IncompleteError),
    ):
        with pytest.raises(error, match="asked"):
            fetch_system(store, source, "Li-O", silent, before="9999")
        assert store.read("asked", ["Li-O", "O"]).equals(before)
    fetch_system(store, Asked(number=5), "Li-O", silent, before="9999")
    assert store.read("asked", ["Li-O"]).height == 5
    assert store.read("asked", ["O"]).equals(before.filter(pl.col("chemical_system") == "O"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.with_columns(pl.lit("other").alias("source")), "ids are not source/source_id"),
        (lambda t: t.with_columns(source=pl.lit("o"), id="o/" + pl.col("source_id")), "gave rows of"),
        (lambda t: pl.concat([t, crystals("asked", "O")]), "got Li-O with"),
        (lambda t: t.head(1), "1 of 3 entries|2 of 4 entries"),
    ],
)
def test_wrong_deliveries_never_reach_the_store(store: Store, monkeypatch, change, message: str) -> None:
    import made_up

    monkeypatch.setattr(made_up, "crystals", lambda *a, **k: change(crystals(*a, **k)))
    with pytest.raises(ReferenceSourceError, match=message):
        fetch_system(store, Asked(), "Li-O", silent)
    assert store.names() == []


def spoil(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "cut off":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


@pytest.mark.parametrize("how", ["missing", "cut off", "empty", "one bit"])
def test_damaged_files_are_named_and_never_read(store: Store, how: str) -> None:
    for system in SYSTEMS:
        fetch_system(store, Asked(), system, silent)
    ledger = store.ledger("asked")
    assert ledger is not None
    path = store.folder / "asked" / ledger.files[bucket("Li-O")].name
    spoil(path, how)
    with pytest.raises(DamagedError, match=path.name) as error:
        store.read("asked", SYSTEMS)
    assert error.value.buckets == (bucket("Li-O"),)
    assert list(store.damaged("asked")) == [bucket("Li-O")]
    assert store.read("asked", ["Co-O"]).equals(everything(["Co-O"]))
    with store.writing("asked"):
        store.forget(Asked(), error.value.buckets)
    assert set(store.parts(Asked(), SYSTEMS)) == {s for s in SYSTEMS if bucket(s) != bucket("Li-O")}
    for system in SYSTEMS:
        fetch_system(store, Asked(), system, silent)
    assert store.read("asked", SYSTEMS).equals(everything(SYSTEMS))


def test_a_damaged_ledger_is_named(store: Store) -> None:
    fetch_system(store, Asked(), "Li-O", silent)
    path = store.folder / "asked" / "source.json"
    for text in ("{", "[]", '{"description": {}}', json.dumps({"description": {}, "systems": {"O": {}}})):
        path.write_text(text)
        with pytest.raises(ReferenceSourceError, match=r"source\.json is damaged"):
            store.read("asked", ["Li-O"])


def test_a_damaged_neighbour_does_not_spoil_a_new_system(store: Store, monkeypatch, capsys) -> None:
    pair = next((a, b) for a in SYSTEMS for b in OTHERS if bucket(a) == bucket(b))
    fetch_system(store, Asked(), pair[0], silent)
    ledger = store.ledger("asked")
    assert ledger is not None
    spoil(store.folder / "asked" / ledger.files[bucket(pair[0])].name, "cut off")
    monkeypatch.setattr("made_up.crystals", lambda *_, **__: crystals("asked", "O", 0))
    assert fetch_system(store, Asked(number=0), pair[1], silent).rows == 0
    assert "damaged" in capsys.readouterr().err
    assert list(store.parts(Asked(), [pair[0]])) == []


def test_a_whole_database_is_read_once_sorted_and_without_repeats(store: Store) -> None:
    part = fetch_all(store, Whole(repeat=True), silent)
    assert part.rows == 10 * len(SYSTEMS)
    assert part.left_out["no energy"] == 10
    assert 1 <= part.left_out["an id that came before"] <= 8
    expected = pl.concat([crystals("whole", system, 10) for system in SYSTEMS]).sort(ORDER)
    assert store.read("whole", SYSTEMS).equals(expected)
    assert store.read("whole", ["B"]).height == 0
    assert store.parts(Whole(repeat=True), ["B"]) == {"B": part}
    assert not (store.folder / "whole" / "building" / "spill").exists()


def test_a_database_that_breaks_off_leaves_the_old_one(store: Store) -> None:
    fetch_all(store, Whole(), silent)
    before = store.read("whole", SYSTEMS)
    with pytest.raises(ReferenceSourceError, match="ends after entry 16"):
        fetch_all(store, Whole(broken_after=2), silent, before="9999")
    assert store.read("whole", SYSTEMS).equals(before)
    assert fetch_all(store, Whole(), silent) == fetch_all(store, Whole(required=True), silent)


def test_many_flushes_are_one_database(store: Store, monkeypatch) -> None:
    monkeypatch.setattr("lodestone.references.building.AT_ONCE", 10)
    fetch_all(store, Whole(), silent)
    assert store.read("whole", SYSTEMS).height == 10 * len(SYSTEMS)


def test_left_over_files_of_a_killed_write_are_removed(store: Store) -> None:
    fetch_system(store, Asked(), "Li-O", silent)
    folder = store.folder / "asked"
    for name in ("017-dead.parquet", ".source.json.x.part"):
        (folder / name).write_bytes(b"half")
    fetch_system(store, Asked(), "O", silent)
    ledger = read_ledger(folder)
    assert ledger is not None
    assert {path.name for path in folder.glob("*.parquet")} == {f.name for f in ledger.files.values()}
    assert not list(folder.glob(".*.part"))


def test_the_folder_is_chosen_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LODESTONE_REFERENCES", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store_folder() == tmp_path / ".cache" / "lodestone" / "references"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert store_folder() == tmp_path / "xdg" / "lodestone" / "references"
    monkeypatch.setenv("LODESTONE_REFERENCES", "~/shared")
    assert store_folder() == tmp_path / "shared"


elements = st.sets(st.sampled_from(["Li", "B", "O", "Fe", "Co", "Nd"]), min_size=1, max_size=4)


@settings(max_examples=25, deadline=None)
@given(held=st.lists(elements, min_size=1, max_size=12), asked=elements)
def test_a_query_is_the_filter_of_everything_by_elements(tmp_path_factory, held, asked) -> None:
    systems = tuple(dict.fromkeys("-".join(sorted(one)) for one in held))
    store = Store(tmp_path_factory.mktemp("store"))
    fetch_all(store, Whole(systems=systems, number=2, batch=50), silent)
    every = pl.concat([crystals("whole", system, 2) for system in systems])
    found = store.read("whole", systems_within(asked))
    assert found.equals(within_system(every, asked).sort(ORDER))
