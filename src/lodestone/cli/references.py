"""The commands `lodestone references ...`: fetch known crystals before a campaign, and look at them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lodestone.cli.inputs import VARIANT, WRONG_CONFIG, end, load

if TYPE_CHECKING:
    from lodestone.config import Campaign
    from lodestone.references.source import Source
    from lodestone.references.store import Store
    from lodestone.references.upkeep import Result

FAILED = 1
CAMPAIGN = click.argument("config", type=click.Path(path_type=Path), required=False)
SOURCE = click.option(
    "--source",
    "names",
    multiple=True,
    metavar="NAME|FILE",
    help="Only this source: of the campaign, one that comes with the package, or a YAML file that describes "
    "one. May be given again.",
)
SYSTEM = click.option(
    "--system",
    "systems",
    multiple=True,
    metavar="Li-Co-O",
    help="Chemical system, with all its sub-systems; default: the campaign's. May be given again.",
)
STORE = click.option(
    "--store",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the store; default: $LODESTONE_REFERENCES, else ~/.cache/lodestone/references.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")


@click.group()
def references() -> None:
    """Known crystals to compare with: fetch them beforehand, and look at what there is.

    A campaign fetches what the store lacks by itself. Do it beforehand where its machine has no network, and
    for whole databases (kind alexandria_bulk), which a campaign never reads by itself.

    \b
      lodestone references build config/li-co-o.yaml
      lodestone references build --source alexandria --system Li-Co-O
      lodestone references list
      lodestone references show Li-Co-O

    docs/references.md tells what each source gives, and how a campaign names it.
    """  # noqa: D301  # \b keeps the lines that follow as they are


@references.command()
@CAMPAIGN
@VARIANT
@SOURCE
@SYSTEM
@STORE
def build(
    config: Path | None,
    variant: str | None,
    names: tuple[str, ...],
    systems: tuple[str, ...],
    folder: Path | None,
) -> None:
    """Fetch what the store lacks of the campaign's sources, or of those that are named.

    A source that is asked system by system is asked for the chemical system and all its sub-systems; a whole
    database is read once, entirely. Stopped at any time, the same command goes on where it was (a whole
    database: from its beginning). Files of the store that are damaged are fetched again.

    Exit code 0; 1 where a source failed, with its name and the reason; 2 for wrong input.

    \b
    Example:
      lodestone references build config/li-co-o.yaml
      lodestone references build --source oqmd --source mine.yaml --system Cu-Si-P
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from lodestone.references.upkeep import build as build_one

    with _wrong_input():
        campaign = load(config, variant) if config else None
        asked, wanted, store = _asked(campaign, names), _systems(campaign, systems), _store(folder)
        _need_systems(asked, wanted)
    _all(asked, lambda source: build_one(source, wanted, store, _say))


@references.command()
@CAMPAIGN
@VARIANT
@SOURCE
@SYSTEM
@STORE
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="DAYS",
    help="Only what was retrieved more than so many days ago; default: everything.",
)
def update(
    config: Path | None,
    variant: str | None,
    names: tuple[str, ...],
    systems: tuple[str, ...],
    folder: Path | None,
    older_than: float,
) -> None:
    """Fetch again what is there, and what is missing; old rows stay until new ones are complete.

    Without a campaign and --source: every source of the store. Without a chemical system: every system that
    the store has of a source.

    A campaign does not look for newer references by itself: to use them, run it with --forcerun references.

    \b
    Example:
      lodestone references update config/li-co-o.yaml --older-than 30
      lodestone references update
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from lodestone.references.upkeep import days_ago, stored_source, stored_systems
    from lodestone.references.upkeep import update as update_one

    before = days_ago(older_than)
    with _wrong_input():
        store, campaign = _store(folder), load(config, variant) if config else None
        if campaign or names:
            asked = _asked(campaign, names)
        else:
            asked = [stored_source(store, name) for name in store.names()]
            if not asked:
                end(f"nothing in {store.folder}; `lodestone references build` comes first", WRONG_CONFIG)
        wanted = _systems(campaign, systems)
    _all(
        asked,
        lambda source: update_one(
            source, wanted or stored_systems(store, source.name), store, _say, before=before
        ),
        after=f"campaigns use them after: snakemake --configfile {config or 'CONFIG'} "
        f"{f'--config variant={variant} ' if variant else ''}--profile profiles/local --forcerun references",
    )


@references.command("list")
@STORE
@JSON
def list_sources(folder: Path | None, as_json: bool) -> None:
    """Tell what the store holds: sources, chemical systems, references, dates, sizes, licences.

    "left out" are entries that are no reference, such as disordered ones. Sizes are in MB (1e6 bytes), in
    JSON in bytes.
    """
    from lodestone.references.listing import overview, overview_text

    store = _store(folder)
    found = overview(store)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(overview_text(found) if found else f"nothing in {store.folder}")
    if any("error" in one for one in found):
        sys.exit(FAILED)


@references.command()
@click.argument("wanted", metavar="SYSTEM|ID")
@click.option("--config", type=click.Path(path_type=Path), help="Campaign whose own files are shown too.")
@VARIANT
@click.option("--cif", is_flag=True, help="Print the crystal of an ID as CIF (P1).")
@STORE
@JSON
def show(
    wanted: str,
    config: Path | None,
    variant: str | None,
    cif: bool,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Tell the references of a chemical system with all its sub-systems, or one by its id.

    Those of the store, the embedded ones and, with --config, those of the campaign's own files. Energies are
    the source's own, in eV/atom: of one source they compare, between sources they do not.

    Exit code 1 where there is none.

    \b
    Example:
      lodestone references show Li-Co-O
      lodestone references show embedded/Li-Co-O/Li/001 --cif > li.cif
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from lodestone.references.listing import as_cif, of_id, of_system, rows_text
    from lodestone.references.upkeep import systems_of_text

    with _wrong_input():
        local = _local(load(config, variant) if config else None)
        store = _store(folder)
        if cif and "/" not in wanted:
            end(f"{wanted}: --cif prints one crystal; give its id, as `references show` tells", WRONG_CONFIG)
        rows = (
            of_id(store, local, wanted) if "/" in wanted else of_system(store, local, systems_of_text(wanted))
        )
    if not rows.height:
        end(f"no reference {wanted} in {store.folder} and the embedded ones", FAILED)
    if cif:
        click.echo(as_cif(rows), nl=False)
    elif as_json:
        click.echo(json.dumps(rows.to_dicts()))
    else:
        click.echo(rows_text(rows))


def _asked(campaign: Campaign | None, names: tuple[str, ...]) -> list[Source]:
    """The sources of a campaign, or those that are named, of it or of the package."""
    from lodestone.references.descriptions import resolve

    of_campaign = {source.name: source for source in campaign.references} if campaign else {}
    if not names and not campaign:
        end("give a campaign file or --source NAME; `lodestone references --help` shows how", WRONG_CONFIG)
    return [of_campaign[name] if name in of_campaign else resolve(name) for name in names] or list(
        of_campaign.values()
    )


def _systems(campaign: Campaign | None, systems: tuple[str, ...]) -> list[str]:
    from lodestone.references.store import systems_within
    from lodestone.references.upkeep import systems_of_text

    if systems:
        return list(dict.fromkeys(one for text in systems for one in systems_of_text(text)))
    return systems_within(campaign.elements) if campaign else []


def _need_systems(asked: list[Source], systems: list[str]) -> None:
    from lodestone.references.source import SystemSource

    names = [source.name for source in asked if isinstance(source, SystemSource)]
    if names and not systems:
        end(f"{', '.join(names)}: asked by chemical system; give --system, e.g. Li-Co-O", WRONG_CONFIG)


def _local(campaign: Campaign | None) -> list[Source]:
    from lodestone.references.descriptions import resolve

    own = list(campaign.references) if campaign else []
    return own if any(source.name == "embedded" for source in own) else [resolve("embedded"), *own]


def _store(folder: Path | None) -> Store:
    from lodestone.references.store import Store, store_folder

    return Store(folder or store_folder())


def _all(asked: list[Source], work: Callable[[Source], Result], after: str = "") -> None:
    """Every source, one after the other; one that fails does not stop the others."""
    failed = []
    for source in asked:
        result = work(source)
        click.echo(result.line())
        if result.failures:
            failed.append(source.name)
    if after:
        click.echo(after)
    if failed:
        end(f"failed: {', '.join(failed)}", FAILED)


def _say(text: str) -> None:
    click.echo(text, err=True)


@contextmanager
def _wrong_input() -> Iterator[None]:
    """What the user gave wrong goes to stderr with exit code 2; a store that is damaged with 1."""
    from lodestone.references.descriptions import DescriptionError
    from lodestone.references.source import ReferenceSourceError

    try:
        yield
    except DescriptionError as error:
        end(str(error), WRONG_CONFIG)
    except ReferenceSourceError as error:
        end(str(error), FAILED)
