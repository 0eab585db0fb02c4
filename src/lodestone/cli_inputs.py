"""What the commands read: campaign files and profiles. Their faults go to stderr, and the command ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from lodestone.campaign import Campaign
    from lodestone.campaign.profile import Profile
    from lodestone.campaign.rules import Needs

WRONG_CONFIG = 2
CONFIG = click.argument("config", type=click.Path(path_type=Path))
VARIANT = click.option("--variant", metavar="NAME", help="One of the variants of the campaign file.")
Command = TypeVar("Command", bound=Callable[..., object])


def CAMPAIGN(command: Command) -> Command:  # noqa: N802  # used like the options beside it
    """The argument and the option by which a command is told a campaign."""
    return CONFIG(VARIANT(command))


def read_profile(path: Path | None) -> tuple[Profile, dict[str, Needs]] | None:
    """A profile, and what the rules that it is for ask for; None without one."""
    if path is None:
        return None
    from lodestone.campaign import profile
    from lodestone.campaign.rules import read_rules

    rules = read_rules()
    return profile.read_profile(path, rules), rules


@contextmanager
def profile_errors() -> Iterator[None]:
    """A wrong profile goes to stderr, and the command ends."""
    from lodestone.campaign.profile_values import ProfileError
    from lodestone.campaign.rules import RulesError

    try:
        yield
    except (ProfileError, RulesError) as error:
        end(str(error), WRONG_CONFIG)


def load(config: Path, variant: str | None = None) -> Campaign:
    """The campaign of a file; where it has faults, they go to stderr and the command ends.

    `variant` is one of the file's variants; None for what the file itself says.
    """
    from lodestone.campaign import load_campaign

    with config_errors():
        return load_campaign(config, {} if variant is None else {"variant": variant})


def load_with_variants(config: Path, variant: str | None) -> tuple[Campaign, dict[str, Campaign]]:
    """The campaign of a file as `load` gives it, and those of all its variants, which must be good too."""
    from lodestone.campaign.load import load_variants

    with config_errors():
        found = load_variants(config)
    return load(config, variant), {name: one for name, one in found.items() if name is not None}


@contextmanager
def config_errors() -> Iterator[None]:
    """The faults of a campaign file go to stderr, and the command ends."""
    from lodestone.campaign import ConfigError

    try:
        yield
    except ConfigError as error:
        end(str(error).replace("--config: variant: ", "--variant: "), WRONG_CONFIG)


def end(message: str, code: int) -> NoReturn:
    """Say what is wrong on stderr, and end."""
    click.echo(message, err=True)
    sys.exit(code)
