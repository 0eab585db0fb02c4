"""The whole way from a real OPTIMADE server over the command to a campaign's table, with a kill on it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVERS = Path(__file__).parent / "servers"
sys.path.insert(0, str(SERVERS))  # the servers beside this file are not a package

import fault_proxy as faults  # noqa: E402
import optimade_server  # noqa: E402

from lodestone.references.descriptions import resolve  # noqa: E402
from lodestone.references.gather import gather  # noqa: E402
from lodestone.references.store import Store, systems_within  # noqa: E402
from lodestone.references.table import within_system  # noqa: E402

ELEMENTS = ("Co", "Li", "O")
SAME = ("source_id", "numbers", "cell", "chemical_system", "energy_per_atom", "e_above_hull")
DESCRIPTION = """\
kind: optimade
name: here
licence: MIT
url: {url}
energy_per_atom: _lodetest_energy_per_atom
e_above_hull: _lodetest_stability.gga_gga+u.energy_above_hull
page_limit: 20
attempts: 2
wait: 0.05
timeout: 20
"""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[faults.FaultProxy]:
    with (
        optimade_server.running(tmp_path_factory.mktemp("optimade")) as port,
        faults.serving(upstream=port) as found,
    ):
        yield found


@pytest.fixture
def store(tmp_path: Path, proxy: faults.FaultProxy, monkeypatch: pytest.MonkeyPatch) -> Store:
    proxy.reset()
    monkeypatch.chdir(tmp_path)
    Path("here.yaml").write_text(DESCRIPTION.format(url=proxy.url))
    return Store(tmp_path / "store")


def build(store: Store) -> list[str]:
    asked = ["--source", "here.yaml", "--system", "Li-Co-O", "--store", str(store.folder)]
    return [sys.executable, "-m", "lodestone", "references", "build", *asked]


@pytest.mark.slow
def test_a_killed_command_goes_on_at_its_page_and_gives_what_the_server_holds(
    store: Store, proxy: faults.FaultProxy
) -> None:
    killed = subprocess.Popen(build(store), stderr=subprocess.PIPE, text=True)
    pages = store.pages("here", "Co-Li-O")
    while killed.poll() is None and len(list(pages.glob("page-*"))) < 3:
        pass
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    kept = len(list(pages.glob("page-*.json")))
    assert 3 <= kept < 7
    before = len(proxy.requests)
    done = subprocess.run(build(store), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "here: 242 references in 7 of 7 chemical systems\n"
    asked_again = [request for request in proxy.requests[before:] if "nelements%3D3" in request]
    assert len(asked_again) == 7 - kept  # of 129 entries, 20 a page
    assert not pages.exists()
    rows = store.read("here", systems_within(ELEMENTS)).select(SAME).sort("source_id")
    expected = within_system(optimade_server.embedded(), ELEMENTS).select(SAME).sort("source_id")
    assert rows.equals(expected)


@pytest.mark.slow
def test_a_campaign_asks_once_and_goes_on_without_a_server_that_is_down(
    store: Store, proxy: faults.FaultProxy
) -> None:
    source = resolve("here.yaml")
    gather([source], ["Li", "O"], store, print)
    assert len(proxy.requests) == 4  # Li, O, and two pages of Li-O
    gather([source], ["Li", "O"], store, print)
    assert len(proxy.requests) == 4
    Path("here.yaml").write_text(DESCRIPTION.format(url="http://127.0.0.1:9"))
    rows, (here, embedded) = gather([resolve("here.yaml"), resolve("embedded")], ["Li", "O"], store, print)
    assert (here.state, embedded.state) == ("missing", "complete")
    assert here.failure is not None
    assert "http://127.0.0.1:9" in here.failure
    assert rows["source"].unique().to_list() == ["embedded"]
