"""The command `lodestone`: check, plan and watch a campaign; look after the installation.

Nothing heavy is imported here or at the top of what is imported here: help and check answer at once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

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


if __name__ == "__main__":
    main(prog_name="lodestone")
