"""How a report feels in a headless Chromium."""

from __future__ import annotations

import shutil
from pathlib import Path
from statistics import median
from typing import Any

FLAGS = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FRAME = (
    "const frame = () => new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve, 0)); });"
)
FILTER = (
    "async () => { "
    + FRAME
    + """
  const times = [], input = document.querySelector("#filters [name=formula]");
  for (const text of ["L", "Li", "LiC", "LiCo", "LiCoO", "LiCoO2", "Co", "CoO", "O", ""]) {
    const start = performance.now();
    input.value = text;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await frame();
    times.push(performance.now() - start);
  }
  return times;
}"""
)
SORT = (
    "async () => { "
    + FRAME
    + """
  const times = [], head = [...document.querySelectorAll("#all-candidates thead th")]
    .find((th) => th.textContent.startsWith("E hull"));
  for (let i = 0; i < 6; i += 1) {
    const start = performance.now();
    head.querySelector(".dt-column-order").click();
    await frame();
    times.push(performance.now() - start);
  }
  return times;
}"""
)
SELECT = (
    "async () => { "
    + FRAME
    + """
  const times = [], rows = [...document.querySelectorAll("#all-candidates tbody tr")].slice(0, 10);
  for (const row of rows) {
    const start = performance.now();
    row.cells[3].click();
    await frame();
    times.push(performance.now() - start);
  }
  return times;
}"""
)
SCROLL = (
    "async () => { "
    + FRAME
    + """
  const times = [], step = document.documentElement.scrollHeight / 60;
  for (let i = 0; i < 60; i += 1) {
    const start = performance.now();
    window.scrollTo({ top: i * step, behavior: "instant" });
    await frame();
    times.push(performance.now() - start);
  }
  return times;
}"""
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
