"""Write the figures of the report by category: HTML files that open without a network."""

from pathlib import Path

from lodestone.runtime.files import write_text
from lodestone.workflow.script_settings import WholeSettings


def main(
    *,
    directory: Path,
    settings: WholeSettings,
    guidance: Path,
    constraints: Path,
    stability: Path,
    candidates: Path,
    curation: Path,
    estimator: Path,
    sources: Path,
) -> None:
    """Read the tables and statistics below `directory`; every other argument is the page of a category.

    `settings` only decide when to run again and what the captions say.
    """
    from lodestone.report.page import category_pages
    from lodestone.report.reading import read_report_data
    from lodestone.workflow.paths import CampaignPaths

    del settings
    paths = CampaignPaths(root=directory.parent, campaign=directory.name)
    pages = category_pages(read_report_data(paths))
    places = {
        "guidance": guidance,
        "constraints": constraints,
        "stability": stability,
        "candidates": candidates,
        "curation": curation,
        "estimator": estimator,
        "sources": sources,
    }
    for name, place in places.items():
        write_text(place, pages[name])


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
