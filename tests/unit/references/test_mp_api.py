"""The Materials Project's service, as its source says it answers; the key is shown nowhere."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest
from pydantic import ValidationError
from pymatgen.core import Structure

SERVERS = Path(__file__).parent / "servers"
sys.path.insert(0, str(SERVERS))  # the servers beside this file are not a package

import fault_proxy as faults  # noqa: E402
from optimade_server import embedded  # noqa: E402

from lodestone.references.source import Delivery, IncompleteError, ReferenceSourceError  # noqa: E402
from lodestone.references.sources.mp_api import MaterialsProjectSource  # noqa: E402
from lodestone.references.table import checked  # noqa: E402
from lodestone.structures.table import to_pymatgen  # noqa: E402

KEY = "a1B2c3D4e5F6g7H8-never_to_be_seen"
QUICK = {"attempts": 2, "wait": 0.01, "timeout": 2, "page_time": 3}
PAGES = 3  # of 50, for 128 crystals and a disordered one


@pytest.fixture(scope="module")
def documents() -> list[dict]:
    """Summaries of the embedded references, as the service gives them."""
    rows = embedded().filter(pl.col("chemical_system").is_in(["Co-Li-O", "Li-O"]))
    crystals = zip(rows.iter_rows(named=True), to_pymatgen(rows), strict=True)
    found = [summary(row, structure) for row, structure in crystals]
    mixed = Structure(
        [[4, 0, 0], [0, 4, 0], [0, 0, 4]], ["Li", {"Co": 0.5}, "O"], [[0] * 3, [0.5] * 3, [0.3] * 3]
    )
    return [*found, summary({"source_id": "mixed", "chemical_system": "Co-Li-O"}, mixed)]


def summary(row, structure):
    return {
        "material_id": f"mp-{row['source_id']}",
        "structure": structure.as_dict(),
        "energy_per_atom": row.get("energy_per_atom"),
        "energy_above_hull": row.get("e_above_hull"),
        "chemsys": row["chemical_system"],
    }


@pytest.fixture(scope="module")
def lasting(documents: list[dict]) -> Iterator[faults.FaultProxy]:
    def answer(path, headers):
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        assert urlsplit(path).path == "/materials/summary/"
        if headers.get("X-API-KEY") != KEY:
            return 401, {"message": f"Unauthorized: {headers.get('X-API-KEY')}"}
        assert asked["deprecated"] == "false"
        fields = asked["_fields"].split(",")
        hits = [d for d in documents if d["chemsys"] == asked["chemsys"]]
        hits.sort(key=lambda d: d[asked["_sort_fields"]])
        page = hits[int(asked["_skip"]) :][: int(asked["_limit"])]
        meta = {"total_doc": len(hits), "api_version": "0.86.0"}
        return 200, {"data": [{f: d[f] for f in fields} for d in page], "meta": meta}

    with faults.serving(answer=answer) as proxy:
        yield proxy


@pytest.fixture
def service(lasting: faults.FaultProxy, monkeypatch: pytest.MonkeyPatch) -> faults.FaultProxy:
    monkeypatch.setenv("MP_API_KEY", f" {KEY}\n")
    lasting.reset()
    return lasting


def deliver(url: str, pages: Path, system: str = "Co-Li-O") -> Delivery:
    source = MaterialsProjectSource(name="mp", url=url, page_limit=50, licence="CC-BY-4.0", **QUICK)
    return source.deliver(system, pages, lambda *_: None)


def test_rows_are_what_the_service_holds(service, tmp_path) -> None:
    found = deliver(service.url, tmp_path)
    rows = checked(found.rows)
    wanted = embedded().filter(pl.col("chemical_system") == "Co-Li-O")
    both = rows.join(
        wanted.with_columns(source_id="mp-" + pl.col("source_id")), on="source_id", validate="1:1"
    )
    assert both.height == rows.height == wanted.height == 128
    for name in ("numbers", "cell", "energy_per_atom", "e_above_hull", "formula", "chemical_system"):
        assert both[name].equals(both[f"{name}_right"], null_equal=True), name
    moved = both["frac"].explode() - both["frac_right"].explode()
    assert moved.abs().max() < 1e-9
    assert found.left_out == {"disordered: partial occupation, vacancies or attached atoms": 1}
    assert found.expected == 129
    assert found.origin == {
        "url": f"{service.url}/materials/summary/",
        "filter": "chemsys=Co-Li-O",
        "version": "0.86.0",
    }
    assert len(service.requests) == PAGES
    assert all(h["X-API-KEY"] == KEY for h in service.headers)


def test_a_system_that_it_does_not_hold_is_empty(service, tmp_path) -> None:
    found = deliver(service.url, tmp_path, "Fe-Xe")
    assert (found.rows.height, found.expected) == (0, 0)


@pytest.mark.parametrize(
    "fault", [faults.status(502), faults.cut_json, faults.cut_body, faults.closed, faults.body(b"{}")]
)
def test_passing_faults_change_nothing(service, tmp_path, fault) -> None:
    service.inject(fault, 0, 2)
    assert deliver(service.url, tmp_path).rows.height == 128
    assert len(service.requests) == PAGES + 2


def test_too_few_are_asked_again_and_named(service, tmp_path) -> None:
    def lose(content):
        content["data"] = content["data"][:-1]

    service.inject(faults.altered(lose), 1)
    assert deliver(service.url, tmp_path / "a").rows.height == 128
    service.reset()
    service.inject(faults.altered(lambda content: content["meta"].update(total_doc=140)))
    with pytest.raises(IncompleteError, match="129 entries came of 140"):
        deliver(service.url, tmp_path / "b")


def test_without_a_count_the_page_that_is_not_full_is_the_last(service, tmp_path) -> None:
    service.inject(faults.altered(lambda content: content["meta"].clear()))
    found = deliver(service.url, tmp_path)
    assert (found.rows.height, found.expected) == (128, None)


@pytest.mark.parametrize(
    ("key", "message"),
    [(None, "MP_API_KEY is not set"), ("", "is not set"), ("a\r\nb: c", "does not look like")],
)
def test_no_key_is_said_before_anything_is_asked(service, tmp_path, monkeypatch, key, message) -> None:
    if key is None:
        monkeypatch.delenv("MP_API_KEY")
    else:
        monkeypatch.setenv("MP_API_KEY", key)
    with pytest.raises(ReferenceSourceError, match=message) as error:
        deliver(service.url, tmp_path)
    assert "a\r\nb" not in str(error.value)
    assert service.requests == []


def test_a_wrong_key_is_named_and_not_shown(service, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MP_API_KEY", "wrong-but-secret-0123456789")
    with pytest.raises(
        ReferenceSourceError, match=r"HTTP 401: .*Unauthorized: \*\*\*.*check MP_API_KEY"
    ) as error:
        deliver(service.url, tmp_path)
    assert "wrong-but-secret" not in "".join(traceback.format_exception(error.value))
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [
        lambda handler: handler.send(500, {}, handler.headers["X-API-KEY"].encode() * 20),
        lambda handler: handler.send(200, {}, b" " * 190 + handler.headers["X-API-KEY"].encode()),
        lambda handler: handler.send(404, {}, b"x" * 190 + handler.headers["X-API-KEY"].encode()),
        lambda handler: handler.send(
            302, {"Location": f"http://b.org/{'x' * 130}{handler.headers['X-API-KEY']}"}, b""
        ),
        faults.closed,
    ],
)
def test_the_key_is_in_no_error_page_or_representation(service, tmp_path, fault, capfd) -> None:
    service.inject(fault, *range(2, 100))
    with pytest.raises(ReferenceSourceError) as error:
        deliver(service.url, tmp_path)
    shown = "".join(traceback.format_exception(error.value)) + repr(error.value.__dict__)
    shown += "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    shown += "".join(capfd.readouterr())
    assert len(list(tmp_path.iterdir())) == 2  # the pages before it
    assert not any(KEY[i : i + 8] in shown for i in range(len(KEY) - 8))


def test_the_key_goes_nowhere_else(service, tmp_path) -> None:
    with faults.serving(answer=lambda *_: (200, {"data": [], "meta": {"total_doc": 0}})) as stranger:
        service.inject(faults.status(307, Location=f"{stranger.url}/materials/summary/"))
        with pytest.raises(ReferenceSourceError, match="redirected to another server"):
            deliver(service.url, tmp_path)
        assert stranger.requests == []


def test_the_key_is_no_setting_and_never_travels_in_clear() -> None:
    with pytest.raises(ValidationError, match="https address"):
        MaterialsProjectSource(name="mp", url="http://api.materialsproject.org")
    with pytest.raises(ValidationError, match="Extra inputs"):
        MaterialsProjectSource(name="mp", key=KEY)
