"""The page of the case studies says what the tables of a campaign say."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import polars as pl
import pytest
from tools.documentation.case_studies import NAMES
from tools.documentation.case_studies.page import Study, between, results
from tools.documentation.case_studies.reading import _read, read_study
from tools.documentation.case_studies.writing import main

from lodestone.text import p_text, percent
from lodestone.workflow.paths import CampaignPaths

ROOT = Path(__file__).resolve().parents[2]
PAGE = "# Title\n\n<!-- results: begin -->\nold\n<!-- results: end -->\n\nThe end.\n"


@pytest.fixture(scope="module")
def study(finished):
    result = _read(CampaignPaths(root=finished.parent, campaign=finished.name))
    return Study("boron", ("volume per atom 7 Å³",), "small", result)


def cells(text, first):
    """The cells of the row that begins with `first`."""
    (row,) = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.mark.slow
def test_rates_and_p_are_those_of_the_tables(study, finished):
    text = results([study])
    rates = pl.read_parquet(finished / "statistics" / "rates.parquet")
    success = pl.read_parquet(finished / "statistics" / "success.parquet")
    (part,) = re.findall(r"\| `co_o_4` \|.*?Asked", text, re.DOTALL)
    arm = study.result.constraint("co_o_4")["primary_arm"]
    names = {"satisfied": "satisfied", "persistent after relaxation": "persistent"}
    for words, outcome in names.items():
        shown = cells(part, words)
        of = rates.filter(pl.col("constraint") == "co_o_4", pl.col("outcome") == outcome)
        by_arm = dict(zip(of["arm"], of["rate"], strict=True))
        assert shown[1].startswith(f"{percent(by_arm['unguided'])} (")
        assert shown[4].startswith(f"{percent(by_arm[arm])} (")
        for place, against in ((5, "unguided"), (6, "control")):
            wanted = {"constraint": "co_o_4", "arm": arm, "outcome": outcome, "comparison": against}
            (p,) = success.filter(**wanted)["p_adjusted"]
            assert shown[place] == p_text(p)


def test_attrition_best_and_verdict_are_those_of_the_campaign(study, finished):
    text = results([study])
    summary = json.loads((finished / "statistics" / "summary.json").read_text())
    best = next(row for row in summary["best"] if row["best_for"] == "co_o_4")
    assert f"e_above_hull {best['e_above_hull']:.3f} eV/atom" in text
    assert f"(`{best['id']}`)" in text
    one = next(c for c in summary["constraints"] if c["name"] == "co_o_4")
    assert one["verdict"]["sentence"] in text
    attrition = pl.read_parquet(finished / "statistics" / "attrition.parquet")
    for row in attrition.filter(stage="below_hull_cut").iter_rows(named=True):
        (n,) = attrition.filter(stage="generated", arm=row["arm"])["survived"]
        assert f"{row['arm']} {row['survived']} of {n}" in text


def test_the_paper_has_no_figure_of_ours(study):
    head, row = (line for line in results([study]).splitlines()[:3] if "---" not in line)
    place = [cell.strip() for cell in head.split("|")].index("its figures")
    assert row.split("|")[place].strip() == "[see the paper](https://arxiv.org/abs/2604.13354)"


def test_a_study_that_was_not_run_is_told_so(study):
    text = results([Study("li-co-o", ("4 O around each Co",), "li-co-o-embedded", None), study])
    assert cells(text, "`li-co-o`")[1:4:2] == ["4 O around each Co", "not run"]
    assert "### `li-co-o-embedded`" not in text


def test_without_a_best_candidate_or_a_time_the_page_says_so(study, finished, tmp_path):
    folder = tmp_path / "results" / "small"
    shutil.copytree(finished, folder)
    place = folder / "statistics" / "summary.json"
    summary = json.loads(place.read_text()) | {"best": []}
    place.write_text(json.dumps(summary))
    shutil.rmtree(folder / "timing", ignore_errors=True)
    bare = _read(CampaignPaths(root=folder.parent, campaign="small"))
    text = results([Study("boron", study.asked, "small", bare)])
    assert "No candidate is eligible as best." in text
    assert "How long sampling took is not known." in text


def test_only_what_stands_between_the_marks_is_changed():
    assert between(PAGE, "new\n") == PAGE.replace("\nold\n", "\n\nnew\n\n")
    with pytest.raises(ValueError, match="stand there 0 times"):
        between("# Title\n", "new")


def test_all_studies_are_read_and_written(tmp_path, capsys):
    (tmp_path / "config").symlink_to(ROOT / "config")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "case-studies.md").write_text(PAGE)
    main(tmp_path)
    text = (tmp_path / "docs" / "case-studies.md").read_text()
    assert all(cells(text, f"`{name}`")[3] == "not run" for name in NAMES)
    assert capsys.readouterr().out.count("not run") == len(NAMES)


def test_the_paper_is_quoted_from_the_campaign_files():
    assert read_study(ROOT, "cu-si-p").asked == tuple(f"{n} P around each Cu within 2.6 Å" for n in (3, 4, 6))


def test_the_page_and_the_command_know_the_same_studies():
    makefile = (ROOT / "Makefile").read_text()
    (listed,) = re.findall(r"^CASE_STUDIES := (.+)$", makefile, re.MULTILINE)
    assert tuple(listed.split()) == NAMES
    page = (ROOT / "docs" / "case-studies.md").read_text()
    assert all(f"config/{name}.yaml" in page for name in NAMES)
    between(page, "new")  # its marks are there
