"""The report in a real browser: it draws, it asks the network for nothing, its tables and viewer work."""

from __future__ import annotations


def parameters(browser, method):
    return [event["params"] for event in browser.events if event.get("method") == method]


def test_nothing_goes_wrong(opened):
    assert parameters(opened, "Runtime.exceptionThrown") == []
    said = parameters(opened, "Runtime.consoleAPICalled")
    assert [[a.get("value") for a in s["args"]] for s in said] == []
    entries = [p["entry"] for p in parameters(opened, "Log.entryAdded")]
    # of warnings the browser has its own, about software rendering
    assert [e["text"] for e in entries if e["level"] == "error"] == []
    assert opened.evaluate("document.querySelectorAll('.warning').length") == 0


def test_nothing_is_requested(opened):
    urls = [p["request"]["url"] for p in parameters(opened, "Network.requestWillBeSent")]
    assert urls
    assert [u[:80] for u in urls if not u.startswith(("file:", "data:", "blob:"))] == []
    assert len([u for u in urls if u.startswith("file:")]) == 1


def test_every_figure_is_drawn(opened):
    opened.wait_for(
        "document.querySelectorAll('figure').length > 8 && "
        "[...document.querySelectorAll('figure')].every((f) => f.querySelector('svg.main-svg'))"
    )


def test_no_chart_can_be_uploaded(opened):
    titles = opened.evaluate("[...document.querySelectorAll('.modebar-btn')].map((b) => b.dataset.title)")
    assert titles
    assert [t for t in titles if "hare" in t or "loud" in t] == []


def test_the_viewer_shows_the_structure_of_a_button(opened):
    assert opened.evaluate("document.body.dataset.viewer") == "ready"
    assert opened.evaluate("document.getElementById('chemiscope-structure').clientHeight") > 300
    place = opened.evaluate(
        "(() => { const b = [...document.querySelectorAll('#candidates button.show')].at(-1); b.click();"
        " return b.dataset.place; })()"
    )
    opened.wait_for(
        "(() => { const all = (r) => [...r.querySelectorAll('*')].flatMap((e) => e.shadowRoot ? "
        "[e, ...all(e.shadowRoot)] : [e]); return all(document.getElementById('chemiscope-info'))"
        f".some((e) => e.tagName === 'INPUT' && e.value === '{place}'); }})()"
    )


def test_a_table_sorts_and_filters(opened):
    heads = "[...document.querySelectorAll('#candidates th')]"
    column = f"{heads}.findIndex((h) => h.textContent.startsWith('E hull'))"
    rows = "[...document.querySelectorAll('#candidates tbody tr')]"
    values = f"{rows}.map((r) => Number(r.cells[{column}].dataset.sort))"
    click = f"document.querySelectorAll('#candidates th')[{column}].click()"
    opened.evaluate(click)
    rising = opened.evaluate(values)
    assert rising == sorted(rising)
    opened.evaluate(click)
    assert opened.evaluate(values) == rising[::-1]
    opened.evaluate(
        "(() => { const i = document.querySelector('#candidates .filter'); i.value = 'licoo2';"
        " i.dispatchEvent(new Event('input')); })()"
    )
    shown = opened.evaluate(
        "[...document.querySelectorAll('#candidates tbody tr')].filter((r) => !r.hidden)"
        ".map((r) => r.cells[1].textContent)"
    )
    assert set(shown) == {"LiCoO2"}
