"""A real OPTIMADE server, disturbed by a proxy: the same crystals, or a named error in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

SERVERS = Path(__file__).parent / "servers"
sys.path.insert(0, str(SERVERS))  # the servers beside this file are not a package

import fault_proxy as faults  # noqa: E402
import optimade_server  # noqa: E402

from lodestone.references.source import Delivery, IncompleteError, ReferenceSourceError  # noqa: E402
from lodestone.references.sources.optimade import OptimadeSource  # noqa: E402
from lodestone.references.table import SCHEMA, checked  # noqa: E402

pytestmark = pytest.mark.slow

SYSTEM = "Co-Li-O"
PAGES = 7  # of 20, for its 128 crystals and a disordered one
QUICK = {"attempts": 3, "wait": 0.01, "timeout": 1.0, "page_time": 1.5}
IN_TIME = 3 * 1.5 + 3  # seconds


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with optimade_server.running(tmp_path_factory.mktemp("optimade")) as port:
        yield port


@pytest.fixture(scope="module")
def lasting(server: int) -> Iterator[faults.FaultProxy]:
    with faults.serving(upstream=server) as proxy:
        yield proxy


@pytest.fixture
def proxy(lasting: faults.FaultProxy) -> faults.FaultProxy:
    lasting.reset()
    return lasting


@pytest.fixture(scope="module")
def undisturbed(server: int, tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    return deliver(f"http://127.0.0.1:{server}", tmp_path_factory.mktemp("undisturbed"))


def deliver(url: str, pages: Path, system: str = SYSTEM, **settings) -> Delivery:
    wanted = {
        "energy_per_atom": "_lodetest_energy_per_atom",
        "e_above_hull": "_lodetest_stability.gga_gga+u.energy_above_hull",
        "page_limit": 20,
        "licence": "MIT",
        **QUICK,
        **settings,
    }
    return OptimadeSource(name="here", url=url, **wanted).deliver(system, pages, lambda *_: None)


@pytest.mark.parametrize("system", ["Co-Li-O", "B", "Li-O", "O"])
def test_rows_are_what_the_server_was_filled_with(server: int, tmp_path: Path, system: str) -> None:
    found = deliver(f"http://127.0.0.1:{server}", tmp_path, system)
    rows = checked(found.rows)
    wanted = optimade_server.embedded().filter(pl.col("chemical_system") == system)
    assert rows.schema == pl.Schema(SCHEMA)
    assert rows.sort("source_id")["source_id"].to_list() == wanted["source_id"].sort().to_list()
    both = rows.join(wanted, on="source_id", validate="1:1")
    for exact in ("numbers", "cell", "energy_per_atom", "e_above_hull", "formula", "chemical_system"):
        assert both[exact].equals(both[f"{exact}_right"], null_equal=True), exact
    for row in both.iter_rows(named=True):
        cell = np.reshape(row["cell"], (3, 3))
        moved = np.reshape(row["frac"], (-1, 3)) @ cell - np.reshape(row["frac_right"], (-1, 3)) @ cell
        assert np.abs(moved).max() < 1e-9
    assert set(rows["licence"]) == {"MIT"}
    assert found.expected == rows.height + sum(found.left_out.values())


def test_disorder_and_molecules_are_counted_and_left_out(
    server: int, tmp_path: Path, undisturbed: Delivery
) -> None:
    assert undisturbed.left_out == {"disordered: partial occupation, vacancies or attached atoms": 1}
    assert undisturbed.expected == 129
    found = deliver(f"http://127.0.0.1:{server}", tmp_path, "O")
    assert found.left_out == {"not periodic in three directions": 1}


def test_origin_tells_what_was_asked_and_what_was_not_given(server: int, tmp_path: Path) -> None:
    found = deliver(
        f"http://127.0.0.1:{server}/v1/", tmp_path, "Li-O", energy_per_atom=None, energy="_lodetest_nothing"
    )
    assert found.origin["url"] == f"http://127.0.0.1:{server}/v1/structures"
    assert found.origin["filter"] == 'elements HAS ALL "Li","O" AND nelements=2'
    assert found.origin["implementation"].startswith("OPTIMADE Python Tools ")
    assert found.origin["without energy"] == f"{found.rows.height} (no number at _lodetest_nothing)"
    assert found.rows["energy_per_atom"].is_null().all()
    assert "without e_above_hull" not in found.origin


def test_total_energies_are_divided_by_their_atoms(server: int, tmp_path: Path) -> None:
    found = deliver(
        f"http://127.0.0.1:{server}", tmp_path, "Li-O", energy_per_atom=None, energy="_lodetest_energy"
    )
    wanted = optimade_server.embedded().select("source_id", "energy_per_atom")
    both = found.rows.join(wanted, on="source_id")
    assert both["energy_per_atom"].to_list() == pytest.approx(both["energy_per_atom_right"], abs=1e-12)


def test_a_system_without_crystals_is_whole_and_empty(server: int, tmp_path: Path) -> None:
    found = deliver(f"http://127.0.0.1:{server}", tmp_path, "Fe-Xe")
    assert (found.rows.height, found.expected, found.left_out) == (0, 0, {})
    assert found.rows.schema == pl.Schema(SCHEMA)


def set_count(content, n):
    content["meta"]["data_returned"] = n


def set_next(content, link):
    content["links"]["next"] = link


def test_links_as_objects_relative_and_without_a_count(proxy, tmp_path, undisturbed) -> None:
    def plain(content):
        link = content["links"]["next"]
        content["links"]["next"] = link and {"href": link.replace(proxy.url, "")}
        content["meta"]["data_returned"] = None

    proxy.inject(faults.altered(plain))
    found = deliver(proxy.url, tmp_path)
    assert found.rows.equals(undisturbed.rows)
    assert found.expected is None
    assert len(proxy.requests) == PAGES


PASSING = {
    "500s, then good": (faults.status(500), [0, 1, 4]),
    "503 with a date": (faults.status(503, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"), [2]),
    "429 with Retry-After": (faults.status(429, Retry_After="0.2"), [3]),
    "JSON cut off": (faults.cut_json, [0, 5]),
    "body cut off": (faults.cut_body, [1, 2]),
    "nonsense": (faults.body(b'{"hello": "world"}'), [0, 4]),
    "no JSON": (faults.body(b"<html>down for maintenance</html>"), [3]),
    "nonsense in data": (faults.body(b'{"data": [1, "two"]}'), [3]),
    "connection closed": (faults.closed, [0, 1, 6]),
    "no answer": (faults.hang, [2]),
    "a drip": (faults.drip, [2]),
    "a drip of headers": (faults.drip_headers, [0]),
    "count too high once": (faults.altered(lambda c: set_count(c, 200)), [0]),
    "count too low once": (faults.altered(lambda c: set_count(c, 100)), [0]),
    "another count at the end": (faults.altered(lambda c: set_count(c, 130)), [6]),
    "no next link half-way, once": (faults.altered(lambda c: set_next(c, None)), [3]),
    "a foreign link, once": (faults.altered(lambda c: set_next(c, "http://localhost:1/v1/structures")), [3]),
}


@pytest.mark.parametrize("name", PASSING)
def test_passing_faults_change_nothing(proxy, tmp_path, undisturbed, name) -> None:
    fault, numbers = PASSING[name]
    proxy.inject(fault, *numbers)
    begin = time.monotonic()
    found = deliver(proxy.url, tmp_path)
    assert found.rows.equals(undisturbed.rows)
    assert (found.left_out, found.expected) == (undisturbed.left_out, undisturbed.expected)
    assert len(proxy.requests) > PAGES
    assert time.monotonic() - begin < IN_TIME


def circle(content):
    set_next(content, content["links"]["next"] and content["links"]["next"].rpartition("=")[0] + "=20")


def counted(n):
    return faults.altered(lambda c: set_count(c, n))


def linked(link):
    return faults.altered(lambda c: set_next(c, link))


def uncounted_end(content):
    set_next(content, None)
    set_count(content, None)


def empty_and_on(content):
    content["data"] = []
    set_next(content, f"/v1/structures?x={time.monotonic_ns()}")


DOWN = {
    "always 500": (faults.status(500), "HTTP 500: '<html>Something went wrong</html>' .tried 3 times"),
    "asks to wait for an hour": (
        faults.status(429, Retry_After="3600"),
        r"asks to wait 3600 s .tried 1 time",
    ),
    "refused": (faults.status(404), "HTTP 404: .*; check `url` and the names of fields"),
    "nonsense": (faults.body(b"[1, 2]"), "JSON that is no page of results: '.1, 2.'"),
    "no data": (faults.body(b'{"errors": []}'), "a page without a list `data`"),
    "always cut off": (faults.cut_body, "tried 3 times"),
    "never an answer": (faults.hang, "timed out|no whole answer within 1.5 s"),
    "drips for ever": (faults.drip, "no whole answer within 1.5 s"),
    "drips headers": (faults.drip_headers, "no whole answer within 1.5 s"),
    "always closed": (faults.closed, "RemoteDisconnected.*tried 3 times"),
    "redirected": (
        faults.status(302, Location="http://localhost:1/"),
        "to another server, http://localhost:1/",
    ),
}
INCOMPLETE = {
    "count too high": (counted(200), "129 entries came of 200 that it announced, also when asked once more"),
    "no next link": (linked(None), "20 entries came of 129"),
    "no next link nor count": (faults.altered(uncounted_end), "20 entries came, and no link to those"),
    "a circle of links": (faults.altered(circle), "leads in a circle"),
    "a foreign link": (
        linked("http://127.0.0.1:1/v1/structures"),
        "next page is refused: it leads away from",
    ),
    "an endless link": (faults.altered(empty_and_on), "a page of nothing new still links to a next one"),
}


@pytest.mark.parametrize("name", [*DOWN, *INCOMPLETE])
def test_lasting_faults_are_named_in_time(proxy, tmp_path, name) -> None:
    fault, message = DOWN.get(name) or INCOMPLETE[name]
    proxy.inject(fault)
    begin = time.monotonic()
    with pytest.raises(ReferenceSourceError, match=message) as error:
        deliver(proxy.url, tmp_path)
    assert isinstance(error.value, IncompleteError) == (name in INCOMPLETE)
    assert time.monotonic() - begin < IN_TIME
    assert str(error.value).startswith("here: ")
    assert f", at {proxy.url}/v1/structures?filter=" in str(error.value)
    assert len(proxy.requests) <= 2 * PAGES


def test_a_count_that_is_always_too_low_loses_nothing(proxy, tmp_path, undisturbed) -> None:
    proxy.inject(faults.altered(lambda c: set_count(c, 100)))
    found = deliver(proxy.url, tmp_path)
    assert found.rows.equals(undisturbed.rows)
    assert found.origin["count"] == "129 entries came of 100 that it announced"


def test_redirections_on_the_same_server_are_followed(proxy, tmp_path, undisturbed) -> None:
    def to_itself(handler):
        faults.status(307, Location=handler.path)(handler)

    proxy.inject(to_itself, 0, 1)
    assert deliver(proxy.url, tmp_path).rows.equals(undisturbed.rows)


def test_a_server_that_is_down_is_named(tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(
        ReferenceSourceError,
        match=r"ConnectionRefusedError: .*tried 3 times.*at http://127.0.0.1:1/v1/.*again",
    ):
        deliver("http://127.0.0.1:1", tmp_path)
    assert time.monotonic() - begin < IN_TIME


BUILD = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
import test_optimade
test_optimade.deliver(sys.argv[3], Path(sys.argv[4]), timeout=60, page_time=60)
"""


def test_a_killed_build_goes_on_at_the_next_page(proxy, tmp_path, undisturbed) -> None:
    proxy.inject(faults.hang, 4)
    here = Path(__file__).parent
    command = [sys.executable, "-c", BUILD, str(here), str(SERVERS), proxy.url, str(tmp_path)]
    build = subprocess.Popen(command, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    end = time.monotonic() + 60
    while len(proxy.requests) < 5 and time.monotonic() < end:
        time.sleep(0.05)
    build.send_signal(signal.SIGKILL)
    assert build.wait() == -signal.SIGKILL
    assert len(proxy.requests) == 5
    proxy.reset()
    assert deliver(proxy.url, tmp_path).rows.equals(undisturbed.rows)
    assert len(proxy.requests) == PAGES - 4
    proxy.reset()
    assert deliver(proxy.url, tmp_path).rows.equals(undisturbed.rows)
    assert len(proxy.requests) == 0
    deliver(proxy.url, tmp_path, page_limit=50)  # another request
    assert len(proxy.requests) == 3
