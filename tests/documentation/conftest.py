"""A finished small campaign, built from synthetic tables as the tests of the report build theirs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of a campaign with unguided, control, late and guided arms."""
    place = HERE.parent / "unit" / "report" / "conftest.py"
    spec = importlib.util.spec_from_file_location("report_fixtures", place)
    fixtures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fixtures)
    import synthetic

    root = tmp_path_factory.mktemp("results") / "small"
    return fixtures.finish(root, synthetic.settings(synthetic.usual_arms()))
