"""Writes what the case studies gave into docs/case-studies.md."""

from __future__ import annotations

from pathlib import Path

from lodestone.runtime.files import write_text
from tools.documentation.case_studies.page import between, results
from tools.documentation.case_studies.reading import read_studies


def main(root: Path) -> None:
    """Read config/ and results/ below `root`, and write its page."""
    page, studies = root / "docs" / "case-studies.md", read_studies(root)
    write_text(page, between(page.read_text(encoding="utf-8"), results(studies)))
    for study in studies:
        print(f"{study.campaign}: {'in' if study.result else 'not run, told as such in'} {page}")
