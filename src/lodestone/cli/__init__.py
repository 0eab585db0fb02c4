"""The command `lodestone`: check, plan and watch a campaign, judge structures, look after the installation.

Nothing heavy is imported here or at the top of what is imported here: help and check answer at once.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from pathlib import Path

import click

from lodestone.cli.compare import compare
from lodestone.cli.inputs import (
    CAMPAIGN,
    VARIANT,
    WRONG_CONFIG,
    Commands,
    end,
    load,
    load_with_variants,
    profile_errors,
    read_profile,
)
from lodestone.cli.references import references as references_group

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
NOT_READY = 1


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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
@CAMPAIGN
def check(config: Path, variant: str | None) -> None:
    """Read a campaign file, with all its variants, and name its faults.

    Exit code 0 and a summary, or 2 and a line per fault: file, line, key, what is wrong, what is allowed.

    \b
    Example:
      lodestone check config/demo.yaml
      lodestone check config/boron.yaml --variant embedded
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from lodestone.config.permission import allowed_functions
    from lodestone.operations.summary import summary
    from lodestone.workflow.potentials import missing_models

    campaign, others = load_with_variants(config, variant)
    click.echo("\n".join([f"{config}: good", summary(campaign), *allowed_functions(campaign)]))
    if others and variant is None:
        named = ", ".join(f"{name} ({one.campaign})" for name, one in others.items())
        click.echo(f"variants: {named}; they are good too")
    for message in missing_models(campaign):
        click.echo(f"not here yet: {message}", err=True)


@main.command()
@CAMPAIGN
@click.option(
    "--profile",
    type=click.Path(path_type=Path),
    help="Profile of a cluster (folder or file): tell the arrays of jobs that it makes.",
)
@click.option("--device", help="cpu, gpu, or a part of a GPU's name; default: as the profile asks.")
@click.option(
    "--seconds-per-pass",
    type=click.FloatRange(min=0, min_open=True),
    help="Time of a network pass per structure, where you know it.",
)
@click.option(
    "--seconds-per-evaluation",
    type=click.FloatRange(min=0, min_open=True),
    help="Time of an evaluation of the potential per structure, where you know it.",
)
@JSON
def plan(
    config: Path,
    variant: str | None,
    profile: Path | None,
    device: str | None,
    seconds_per_pass: float | None,
    seconds_per_evaluation: float | None,
    as_json: bool,
) -> None:
    """Tell what a campaign will take: arms, jobs, structures, network passes, time, disk.

    A pass is one evaluation of the network for one structure. Hours come from --seconds-per-pass, else from
    shards of the campaign that have been timed, else from a stored measurement of the same kind of model
    and device; where there is none of these they are unknown.

    Evaluations of the potential (looking ahead, terms of energy; afterwards relaxations and energies) are
    counted apart, with CPU-hours by --seconds-per-evaluation or by what the campaign's sampling took.

    With --profile also, before anything is submitted: how many jobs each rule (or group) makes, with how
    many calls of sbatch, what each job asks for, how many run at a time, when sampling is done, and whether
    a shard fits into its time limit.

    \b
    Example:
      lodestone plan config/demo.yaml
      lodestone plan config/li-co-o.yaml --profile profiles/slurm
      lodestone plan config/li-co-o.yaml --profile profiles/slurm --seconds-per-pass 0.002
      lodestone plan config/demo.yaml --device cpu --json
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from lodestone.operations.plan import plan as make_plan
    from lodestone.operations.plan import plan_text
    from lodestone.workflow.paths import CampaignPaths

    campaign = load(config, variant)
    with profile_errors():
        found = make_plan(
            campaign,
            CampaignPaths(campaign=campaign.campaign),
            on=read_profile(profile),
            device=device,
            seconds_per_pass=seconds_per_pass,
            seconds_per_evaluation=seconds_per_evaluation,
        )
    click.echo(json.dumps(found.as_dict(), indent=2) if as_json else plan_text(found))


@main.command()
@CAMPAIGN
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path(".snakemake/submitit"),
    show_default=True,
    help="The executor's folder: submitit-folder of the profile.",
)
@click.option("--all", "every_arm", is_flag=True, help="A row per arm and stage, however many.")
@click.option("--watch", type=click.FloatRange(min=1), metavar="SECONDS", help="Tell again and again.")
@JSON
def status(
    config: Path, variant: str | None, folder: Path, every_arm: bool, watch: float | None, as_json: bool
) -> None:
    """Tell how far a campaign is, from its files below results/ and the executor's journal.

    Per arm and stage (per stage where arms are many): structures done of all, jobs that run, wait or have
    failed, structures per hour, and the time left at the rate of the jobs that run. Failed jobs follow with
    their logs, and one line for the whole.

    SLURM is never asked: a job is shown as it is on file, and stays "running" there if its node was lost.

    \b
    Example:
      lodestone status config/demo.yaml
      lodestone status config/li-co-o.yaml --watch 30
      lodestone status config/li-co-o.yaml --json
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from lodestone.operations.status import status as read_status
    from lodestone.operations.status import status_text
    from lodestone.workflow.paths import CampaignPaths

    campaign = load(config, variant)
    while True:
        found = read_status(campaign, CampaignPaths(campaign=campaign.campaign), folder)
        text = json.dumps(found.as_dict()) if as_json else status_text(found, every_arm=every_arm)
        if watch and not as_json:
            click.clear()
        click.echo(text)
        if not watch or found.finished:
            return
        time.sleep(watch)


@main.command()
@click.argument("structures", type=click.Path(path_type=Path, exists=True))
@click.option("--config", type=click.Path(path_type=Path), required=True, help="Campaign file (YAML).")
@VARIANT
@click.option("--constraint", required=True, help="Name of one of its constraints.")
@click.option(
    "--references",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Known crystals (Parquet, like results/<campaign>/references.parquet) for energies above the "
    "hull; default: the campaign's finished reference energies.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per structure and line.")
def measure(
    structures: Path,
    config: Path,
    variant: str | None,
    constraint: str,
    references: Path | None,
    as_json: bool,
) -> None:
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
    from lodestone.energies.estimators.base import MissingModelError
    from lodestone.operations.measure import context_for, counts, head, measured, row
    from lodestone.structures.files import UnknownFormatError, read_entries

    campaign = load(config, variant)
    asked = campaign.constraints.get(constraint)
    if asked is None:
        names = ", ".join(campaign.constraints)
        end(f"{config}: no constraint {constraint!r}; allowed: {names}", WRONG_CONFIG)
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
        end(str(error), WRONG_CONFIG)
    except (MissingReferencesError, MissingModelError) as error:
        end(str(error), NOT_READY)
    click.echo(counts(seen), err=as_json)
    if all(one.error is not None for one in seen):
        sys.exit(NOT_READY)


@main.command()
@click.option("--profile", type=click.Path(path_type=Path), help="Profile of a cluster to look at too.")
@click.option("--config", type=click.Path(path_type=Path), help="Campaign whose files nodes need.")
@VARIANT
@click.option(
    "--wait",
    type=click.FloatRange(min=1),
    default=120.0,
    show_default=True,
    help="Seconds that the test job may wait for its start.",
)
@JSON
def doctor(
    profile: Path | None, config: Path | None, variant: str | None, wait: float, as_json: bool
) -> None:
    """Look whether everything that a campaign needs is here.

    Python and packages, the device that networks run on, the embedded assets, threads, and whether results/
    can be written. Exit code 0, or 1 where something needed is missing, with what to do about it; 2 where a
    GPU is asked for that this installation or a node cannot serve.

    With --profile also the cluster: whether this installation can use the GPUs that the profile asks for,
    SLURM's commands, its controller, partitions and limits. Then one small
    job is sent with what a sampling job asks for (but five minutes at most). It tells what it sees on its
    node: this installation, a GPU for torch, the results, and with --config the campaign's weights and
    models. Where it does not start in time it is cancelled.

    \b
    Example:
      lodestone doctor
      lodestone doctor --profile profiles/slurm
      lodestone doctor --profile profiles/slurm --config config/li-co-o.yaml --wait 600
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from lodestone.doctor.installation import as_dicts, examine, guarded, line, verdict

    campaign = load(config, variant) if config else None
    steps = [examine()]
    if campaign is not None:
        from lodestone.doctor.installation import here

        steps.append(guarded("files of the campaign", lambda: here(campaign)))
    if profile is not None:
        from lodestone.doctor.cluster import examine as examine_cluster

        with profile_errors():
            on = read_profile(profile)
        assert on is not None
        steps.append(guarded("cluster", lambda: examine_cluster(*on, campaign, wait=wait)))
    checks = []
    for check in itertools.chain(*steps):
        checks.append(check)
        if not as_json:
            click.echo(line(check))
    click.echo(json.dumps(as_dicts(checks), indent=2) if as_json else f"\n{verdict(checks)}")
    if missing := [check.exit_code for check in checks if check.state == "missing"]:
        sys.exit(max(missing))


main.add_command(references_group)
main.add_command(compare)


if __name__ == "__main__":
    main(prog_name="lodestone")
