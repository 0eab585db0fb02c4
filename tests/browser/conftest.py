"""Reports of finished campaigns, and a browser to look at them."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
REPORT = HERE.parent / "unit" / "report"
sys.path.insert(0, str(REPORT))  # the builders of the report's unit tests are not a package
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
WIDTHS = (1280, 390)
BROWSERS_OWN = ("Canvas2D: Multiple readback", "GPU stall due to ReadPixels", "[.WebGL")
"""Beginnings of warnings about the drawing itself, which the browser gives and no page can prevent."""


@dataclass
class Opened:
    """A report in a tab, with everything that the tab asked for and said."""

    page: object
    path: Path
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def complaints(self):
        """What the page said or showed that it should not have."""
        alerts = self.page.eval_on_selector_all("[role=alert]", "all => all.map((e) => e.textContent)")
        return [text for text in self.said if not text.startswith(BROWSERS_OWN)] + alerts


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium, the one that the machine has."""
    found = next((place for name in NAMES if (place := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium: install one to check the report in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def open_report(chromium):
    """Opens a report from file:// at a width, once, and waits until it is ready."""

    @cache
    def opened(path, width=1280):
        context = chromium.new_context(viewport={"width": width, "height": 900}, accept_downloads=True)
        context.set_default_timeout(60_000)
        tab = Opened(context.new_page(), path)
        context.on("request", lambda request: tab.requests.append(request.url))
        tab.page.on("pageerror", lambda error: tab.said.append(str(error)))
        tab.page.on("console", lambda said: tab.said.append(said.text))
        tab.page.goto(path.as_uri())
        tab.page.wait_for_function("document.body.dataset.page === 'ready'")
        return tab

    return opened


@pytest.fixture(scope="session")
def own_warnings():
    """Beginnings of what the browser says of itself."""
    return BROWSERS_OWN


@pytest.fixture(scope="session")
def fixtures():
    """The builders of the unit tests of the report."""
    spec = importlib.util.spec_from_file_location("report_fixtures", REPORT / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def campaign(fixtures, tmp_path_factory):
    """The directory of a small finished campaign whose estimator's error is known."""
    import polars as pl
    import synthetic

    root = tmp_path_factory.mktemp("results") / "small"
    fixtures.finish(root, synthetic.settings(synthetic.usual_arms()))
    row = {"quantity": "e_above_hull", "elements": "all", "n": 6, "rmse": 0.031, "rmse_low": 0.02}
    pl.DataFrame([row | {"rmse_high": 0.05, "bias": 0.004}]).write_parquet(root / "estimator_error.parquet")
    fixtures._script("report").main(directory=root, settings={}, output=root / "report.html")
    return root


@pytest.fixture(scope="session")
def candidates(campaign):
    """The distinct candidates in the order of the page."""
    import polars as pl

    from lodestone.report.candidates import distinct

    return distinct(pl.read_parquet(campaign / "candidates.parquet"))


@pytest.fixture(scope="session", params=WIDTHS)
def any_width(request, campaign, open_report):
    """The small report, at 1280 and at 390 pixels."""
    return open_report(campaign / "report.html", request.param)


@pytest.fixture(scope="session")
def opened(campaign, open_report):
    """The small report at 1280 pixels."""
    return open_report(campaign / "report.html", WIDTHS[0])
