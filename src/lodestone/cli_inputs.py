"""What the commands read: campaign files and profiles. Their faults go to stderr, and the command ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from lodestone.campaign import Campaign
    from lodestone.campaign.profile import Profile
    from lodestone.campaign.rules import Needs

WRONG_CONFIG = 2


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


def load(config: Path) -> Campaign:
    """The campaign of a file; where it has faults, they go to stderr and the command ends."""
    from lodestone.campaign import ConfigError, load_campaign

    try:
        return load_campaign(config)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(WRONG_CONFIG)


def end(message: str, code: int) -> NoReturn:
    """Say what is wrong on stderr, and end."""
    click.echo(message, err=True)
    sys.exit(code)
