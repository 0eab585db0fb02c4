"""Write the campaign's report: one HTML file that opens without a network."""

from pathlib import Path

from lodestone.runtime.files import write_text
from lodestone.workflow.script_settings import WholeSettings


def main(*, directory: Path, settings: WholeSettings, output: Path) -> None:
    """Read the tables and statistics below `directory`; `settings` only decide when to run again."""
    from lodestone.report.page import render
    from lodestone.report.reading import read_report_data
    from lodestone.workflow.paths import CampaignPaths

    del settings
    paths = CampaignPaths(root=directory.parent, campaign=directory.name)
    write_text(output, render(read_report_data(paths)))


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
