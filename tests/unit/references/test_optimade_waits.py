"""How long is waited between attempts and between pages; a stop that is asked for between pages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

SERVERS = Path(__file__).parent / "servers"
sys.path.insert(0, str(SERVERS))  # the servers beside this file are not a package

import fault_proxy as faults  # noqa: E402

from lodestone.references.source import ReferenceSourceError  # noqa: E402
from lodestone.references.sources.optimade import OptimadeSource  # noqa: E402
from lodestone.references.web import fetch, paging  # noqa: E402
from lodestone.runtime import signals  # noqa: E402

N_PAGES = 3


@pytest.fixture
def server() -> Iterator[faults.FaultProxy]:
    """Three pages of one lithium crystal each."""

    def answer(path, _):
        page = int(parse_qs(urlsplit(path).query).get("page", ["0"])[0])
        attributes = {
            "lattice_vectors": [[3.0, 0, 0], [0, 3.0, 0], [0, 0, 3.0]],
            "cartesian_site_positions": [[0.0, 0, 0]],
            "species_at_sites": ["Li"],
        }
        link = f"/v1/structures?page={page + 1}" if page + 1 < N_PAGES else None
        meta = {"data_returned": N_PAGES, "request_delay": 0.25}
        return 200, {"data": [{"id": page, "attributes": attributes}], "links": {"next": link}, "meta": meta}

    with faults.serving(answer=answer) as proxy:
        yield proxy


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were to be waited; nothing is."""
    found = list[float]()
    for module in (fetch, paging):
        monkeypatch.setattr(module.time, "sleep", found.append)
    return found


def deliver(server, folder, **settings):
    source = OptimadeSource(name="here", url=server.url, **settings)
    return source.deliver("Li", folder, lambda *_: None)


def test_waits_double_with_jitter(server, tmp_path, waits) -> None:
    server.inject(faults.status(503))
    with pytest.raises(ReferenceSourceError, match="tried 6 times"):
        deliver(server, tmp_path, attempts=6, wait=100)
    assert len(waits) == 5
    for number, wait in enumerate(waits):
        longest = min(100 * 2**number, 300)
        assert longest / 2 <= wait <= longest


def test_what_a_server_asks_for_goes_first(server, tmp_path, waits) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    for number, value in enumerate(["7", moment, "soon", "-3"]):
        server.inject(faults.status(429, Retry_After=value), number)
    deliver(server, tmp_path, wait=1)
    asked = [wait for wait in waits if wait != 0.25]
    assert asked[0] == 7
    assert 95 < asked[1] <= 100
    assert 2 <= asked[2] <= 4  # what cannot be read is as good as nothing
    assert asked[3] == 0


def test_pages_are_as_far_apart_as_the_server_asks(server, tmp_path, waits) -> None:
    found = deliver(server, tmp_path)
    assert found.rows["source_id"].to_list() == ["0", "1", "2"]
    assert waits == [0.25] * (N_PAGES - 1)
    deliver(server, tmp_path)  # from kept pages
    assert len(waits) == N_PAGES - 1


def test_a_stop_that_is_asked_for_keeps_the_pages(server, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(signals, "_requests", [])
    server.inject(lambda handler: (signals._requests.append("SIGUSR2"), faults.whole(handler)), 1)
    with pytest.raises(signals.Stopped, match="2 pages of here are kept"):
        deliver(server, tmp_path)
    signals._requests.clear()
    server.reset()
    assert deliver(server, tmp_path).rows.height == N_PAGES
    assert len(server.requests) == 1
