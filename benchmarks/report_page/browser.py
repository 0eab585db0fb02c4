"""How a report feels in a headless Chromium."""

from __future__ import annotations

import shutil
from pathlib import Path
from statistics import median
from typing import Any

FLAGS = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
TIMED = """async () => {
  const frame = () => new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve, 0)); });
  const times = [], %s;
  for (const each of %s) {
    const start = performance.now();
    %s;
    await frame();
    times.push(performance.now() - start);
  }
  return times;
}"""
"""What is there before, what is gone through, and the act; each from its start to the next frame."""
FILTER = TIMED % (
    'input = document.querySelector("#filters [name=formula]")',
    '["L", "Li", "LiC", "LiCo", "LiCoO", "LiCoO2", "Co", "CoO", "O", ""]',
    'input.value = each; input.dispatchEvent(new Event("input", { bubbles: true }))',
)
HEADS = '[...document.querySelectorAll("#all-candidates thead th")]'
SORT = TIMED % (
    f'head = {HEADS}.find((th) => th.textContent.startsWith("E hull"))',
    "Array(6).keys()",
    'head.querySelector(".dt-column-order").click()',
)
SELECT = TIMED % (
    'rows = [...document.querySelectorAll("#all-candidates tbody tr")].slice(0, 10)',
    "rows",
    "each.cells[3].click()",
)
SCROLL = TIMED % (
    "step = document.documentElement.scrollHeight / 60",
    "Array(60).keys()",
    'window.scrollTo({ top: each * step, behavior: "instant" })',
)
SCRIPTS = {"filter": FILTER, "sort": SORT, "select": SELECT, "frames": SCROLL}
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def opened(report: Path) -> dict[str, Any]:
    """Times in milliseconds: until it is read, usable and drawn, and per act of the reader.

    Raises:
        RuntimeError: there is no Chromium.
    """
    from playwright.sync_api import sync_playwright

    found = next((place for name in NAMES if (place := shutil.which(name))), None)
    if found is None:
        raise RuntimeError(f"no Chromium: install one of {', '.join(NAMES)}")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(report.resolve().as_uri())
        page.wait_for_function("document.body.dataset.page === 'ready'", timeout=300_000)
        ready = page.evaluate("performance.now()")
        page.wait_for_function("document.body.dataset.figures === 'drawn'", timeout=300_000)
        drawn = page.evaluate("performance.now()")
        acts = {name: page.evaluate(script) for name, script in SCRIPTS.items()}
        times = {
            "first_paint": page.evaluate(PAINT),
            "ready": ready,
            "drawn": drawn,
            "heap_megabytes": page.evaluate("performance.memory.usedJSHeapSize") / 1e6,
            "version": browser.version,
        }
        browser.close()
    return times | {name: {"median": median(all_), "longest": max(all_)} for name, all_ in acts.items()}
