"""The command `lodestone`: check, plan and watch a campaign, judge structures, look after the installation.

Nothing heavy is imported here or at the top of what is imported here: help and check answer at once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from lodestone.campaign import Campaign

CONFIG = click.argument("config", type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
WRONG_CONFIG, NOT_READY = 2, 1


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="lodestone", message="%(package)s %(version)s")
def main() -> None:
    """Ask a diffusion model for crystals with a chosen property, and be told whether asking worked.

    A campaign is one YAML file. Check it, see what it takes, run it, watch it:

    \b
      lodestone check config/demo.yaml
      lodestone plan config/demo.yaml
      snakemake --configfile config/demo.yaml --profile profiles/local
      lodestone status config/demo.yaml

    config/default.yaml shows every key of a campaign; docs/configuration.md explains them.
    """  # noqa: D301  # \b keeps the lines that follow as they are


@main.command()
@CONFIG
def check(config: Path) -> None:
    """Read a campaign file and name its faults.

    Exit code 0 and a summary, or 2 and a line per fault: file, line, key, what is wrong, what is allowed.

    \b
    Example:
      lodestone check config/demo.yaml
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from lodestone.campaign.text import summary

    click.echo(f"{config}: good\n{summary(_load(config))}")


@main.command()
@CONFIG
@JSON
def plan(config: Path, as_json: bool) -> None:
    """Tell what a campaign will take: arms, jobs, structures, network passes, time, disk.

    A pass is one evaluation of the network for one structure. Hours are known once shards of the campaign
    have been timed.

    \b
    Example:
      lodestone plan config/demo.yaml
      lodestone plan config/demo.yaml --json
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from lodestone.campaign import CampaignPaths
    from lodestone.campaign.plan import plan as make_plan
    from lodestone.campaign.text import plan_text

    campaign = _load(config)
    found = make_plan(campaign, CampaignPaths(campaign=campaign.campaign))
    click.echo(json.dumps(found.as_dict(), indent=2) if as_json else plan_text(found))


@main.command()
@CONFIG
@JSON
def status(config: Path, as_json: bool) -> None:
    """Tell how far a campaign is, from its files below results/.

    Per arm and stage: structures done of all, and the time left where a job runs at a known rate.

    \b
    Example:
      lodestone status config/demo.yaml
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from lodestone.campaign import CampaignPaths
    from lodestone.campaign.status import as_dicts
    from lodestone.campaign.status import status as read_status
    from lodestone.campaign.text import status_text

    campaign = _load(config)
    paths = CampaignPaths(campaign=campaign.campaign)
    found = read_status(campaign, paths)
    click.echo(json.dumps(as_dicts(found), indent=2) if as_json else status_text(found, paths))


@main.command()
@click.argument("structures", type=click.Path(path_type=Path, exists=True))
@click.option("--config", type=click.Path(path_type=Path), required=True, help="Campaign file (YAML).")
@click.option("--constraint", required=True, help="Name of one of its constraints.")
@click.option(
    "--references",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Known crystals (Parquet, like results/<campaign>/references.parquet) for energies above the "
    "hull; default: the campaign's finished reference energies.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per structure and line.")
def measure(structures: Path, config: Path, constraint: str, references: Path | None, as_json: bool) -> None:
    """Judge structures of your own by a constraint: value, loss, satisfied.

    STRUCTURES is .cif, .extxyz, .xyz, POSCAR, .vasp, a structure table (.parquet), a .zip of these text
    files, or a folder of them; several structures per file are fine. No diffusion model is loaded, and an
    estimator only for energies above the hull.

    With --json: id, values (in the order of the constraint's terms; null: not defined), loss, satisfied,
    and error where a structure could not be read. Exit code 1 where nothing could be read.

    \b
    Example:
      lodestone measure samples.extxyz --config config/demo.yaml --constraint co_o_4
      lodestone measure crystals.zip --config config/demo.yaml --constraint volume_15 --json
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from lodestone.constraints.context import MissingReferencesError
    from lodestone.energies.grace_models import MissingModelError
    from lodestone.measure import context_for, counts, head, measured, row
    from lodestone.structures.files import UnknownFormatError, read_entries

    campaign = _load(config)
    asked = campaign.constraints.get(constraint)
    if asked is None:
        names = ", ".join(campaign.constraints)
        _end(f"{config}: no constraint {constraint!r}; allowed: {names}", WRONG_CONFIG)
    seen = []
    try:
        entries = read_entries(structures)
        context = context_for(campaign, config, constraint, references)
        if not as_json:
            click.echo(head(asked))
        for one in measured(entries, asked, context):
            seen.append(one)
            click.echo(json.dumps(one.as_dict(), allow_nan=False) if as_json else row(one, asked))
    except UnknownFormatError as error:
        _end(str(error), WRONG_CONFIG)
    except (MissingReferencesError, MissingModelError) as error:
        _end(str(error), NOT_READY)
    click.echo(counts(seen), err=as_json)
    if all(one.error is not None for one in seen):
        sys.exit(NOT_READY)


@main.command()
@JSON
def doctor(as_json: bool) -> None:
    """Look whether everything that a campaign needs is here.

    Python and packages, the device that networks run on, the embedded assets, threads, and whether results/
    can be written. Exit code 0, or 1 where something needed is missing, with what to do about it.

    \b
    Example:
      lodestone doctor
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from lodestone.doctor import as_dicts, examine, report

    checks = examine()
    click.echo(json.dumps(as_dicts(checks), indent=2) if as_json else report(checks))
    if any(check.state == "missing" for check in checks):
        sys.exit(NOT_READY)


def _load(config: Path) -> Campaign:
    """The campaign of a file; where it has faults, they go to stderr and the command ends."""
    from lodestone.campaign import ConfigError, load_campaign

    try:
        return load_campaign(config)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(WRONG_CONFIG)


def _end(message: str, code: int) -> NoReturn:
    """Say what is wrong on stderr, and end."""
    click.echo(message, err=True)
    sys.exit(code)


if __name__ == "__main__":
    main(prog_name="lodestone")
