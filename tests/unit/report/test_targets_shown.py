"""What a finished campaign says of its targets."""

import json

from lodestone.report.evidence import wish


def test_the_summary_says_what_was_asked_and_the_intervals_that_meet_it(campaign):
    summary = json.loads((campaign / "statistics" / "summary.json").read_text())
    terms = [term for constraint in summary["constraints"] for term in constraint["terms"]]
    assert [term["target"] for term in terms] == [4.0, 10.0]
    assert [term["spans"] for term in terms] == [[[4.0, 4.0]], [[10.0, 10.0]]]
    assert wish(summary["constraints"][1]) == "volume per atom 10 Å³ (met within 1 Å³/atom)"
