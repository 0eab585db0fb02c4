"""A finished campaign and a browser to look at its report."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import devtools  # noqa: E402  the builder beside this file is not a package


@pytest.fixture(scope="session")
def opened(tmp_path_factory):
    """The browser with the report of a small campaign open, from file://."""
    if devtools.find() is None:
        pytest.skip("no Chromium: install one to check the report in a browser")
    place = HERE.parent / "unit" / "report" / "conftest.py"
    spec = importlib.util.spec_from_file_location("report_fixtures", place)
    fixtures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fixtures)
    import synthetic

    root = tmp_path_factory.mktemp("results") / "small"
    fixtures.finish(root, synthetic.settings(synthetic.usual_arms()))
    browser = devtools.Browser(tmp_path_factory.mktemp("profile"))
    browser.call("Page.navigate", url=(root / "report.html").as_uri())
    browser.wait_for("document.body && document.body.dataset.viewer !== undefined")
    yield browser
    browser.close()
