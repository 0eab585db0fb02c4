"""The command `lodestone compare`: two finished campaigns side by side."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lodestone.cli.inputs import WRONG_CONFIG, end


@click.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a page that opens without a network, too.",
)
def compare(a: Path, b: Path, as_json: bool, html: Path | None) -> None:
    """Compare two finished campaigns: A and B are result folders, or names below results/.

    Told are the settings that differ, with a warning for each that makes numbers incomparable; per
    constraint and arm the rates of success with intervals, B minus A, a two-sided p adjusted for the number
    of tests, and what a success costs; validity, diversity and attrition; the crystals that both found, or
    only one; and, per constraint, which campaign is ahead, or how large a difference could have been seen.

    Exit code 0, or 2 where A or B is not a finished campaign.

    \b
    Example:
      lodestone compare results/demo results/demo-stronger
      lodestone compare demo demo-stronger --html stronger.html
      lodestone compare demo demo-stronger --json
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from lodestone.comparison.document import compare as compare_sides
    from lodestone.comparison.rendering import compare_page, compare_text
    from lodestone.comparison.sides import NoCampaignError, read_side
    from lodestone.runtime.files import write_text

    try:
        sides = read_side(a), read_side(b)
    except NoCampaignError as error:
        end(str(error), WRONG_CONFIG)
    document = compare_sides(*sides)
    if html is not None:
        write_text(html, compare_page(document))
    click.echo(json.dumps(document, indent=2, allow_nan=False) if as_json else compare_text(document))
    if html is not None:
        click.echo(f"page: {html}", err=True)
