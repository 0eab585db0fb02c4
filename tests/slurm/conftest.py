"""The real SLURM of these tests: one for the whole run, shared with other runs on the machine."""

import sys
from pathlib import Path

import pytest

# Test folders are no packages. At the end of the path, so that nothing installed is hidden by a name of ours.
if (HERE := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(HERE)

from cluster import Cluster  # found through the lines above
from cluster_setup import install


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slurm)


def used(*, accounting=False):
    if reason := install(accounting=accounting):
        pytest.skip(f"no SLURM: {reason}")
    cluster = Cluster(accounting=accounting)
    with cluster.in_use():
        yield cluster


@pytest.fixture(scope="session")
def slurm():
    """A running `Cluster`; one that nobody asked to stay is stopped when its last user has ended."""
    yield from used()


@pytest.fixture(scope="session")
def slurm_accounting():
    """Another one, on which `sacct` answers."""
    yield from used(accounting=True)
