"""Reports of odd campaigns open without a complaint and say what is missing."""

from __future__ import annotations

import pytest
import synthetic  # from the unit tests of the report, see conftest.py

ARMS = synthetic.usual_arms()
ODD = {
    "no survivor": (ARMS[:4], None, {"survivors": False, "n": 6}, "No structure passed the screen"),
    "one structure": (ARMS[:4], None, {"n": 1}, "Best candidates"),
    "no constraint": (ARMS[:2], {}, {"n": 6}, "The campaign asks for no property"),
    "no energies": (ARMS[:4], None, {"estimator": False, "n": 6}, "No energy could be computed"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_report_opens(name, fixtures, open_report, tmp_path):
    arms, constraints, oddities, said = ODD[name]
    root = fixtures.finish(tmp_path / "odd", synthetic.settings(arms, constraints), **oddities)
    opened = open_report(root / "report.html")
    assert opened.complaints() == []
    assert said in opened.page.locator("body").text_content()
    empty = name == "no survivor"
    assert opened.page.evaluate("document.body.dataset.viewer") == ("none" if empty else "ready")
    if not empty:
        assert opened.page.locator("#card code").count() == 1
    opened.page.context.close()
