"""What the commands read: campaign files and profiles. Their faults go to stderr, and the command ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from lodestone.config import Campaign
    from lodestone.operations.profile import Profile
    from lodestone.workflow.jobs import Needs

WRONG_CONFIG = 2
CONFIG = click.argument("config", type=click.Path(path_type=Path))
ALLOWED = "allow_functions"
Command = TypeVar("Command", bound=Callable[..., object])


class Commands(click.Group):
    """Commands that say in one message, without a traceback, which plugin is broken."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        from lodestone.plugins import PluginError

        try:
            return super().invoke(ctx)
        except PluginError as error:
            raise click.ClickException(str(error)) from None


def VARIANT(command: Command) -> Command:  # noqa: N802  # used like the options beside it
    """The options that say how a campaign file is read: `--variant`, and `--allow-functions`.

    The latter is no parameter of the commands, for `load` alone asks for it.
    """
    variant = click.option("--variant", metavar="NAME", help="One of the variants of the campaign file.")
    functions = click.option(
        "--allow-functions",
        is_flag=True,
        expose_value=False,
        callback=_note_allowed,
        help="Let the Python functions that the campaign file names run; docs/functions.md.",
    )
    return variant(functions(command))


def _note_allowed(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    del parameter
    context.meta[ALLOWED] = value


def _functions_allowed() -> bool:
    """Whether the command at hand was given `--allow-functions`."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(ALLOWED))


def CAMPAIGN(command: Command) -> Command:  # noqa: N802  # used like the options beside it
    """The argument and the option by which a command is told a campaign."""
    return CONFIG(VARIANT(command))


def read_profile(path: Path | None) -> tuple[Profile, dict[str, Needs]] | None:
    """A profile, and what the rules that it is for ask for; None without one."""
    if path is None:
        return None
    from lodestone.operations import profile
    from lodestone.workflow.jobs import read_rules

    rules = read_rules()
    return profile.read_profile(path, rules), rules


@contextmanager
def profile_errors() -> Iterator[None]:
    """A wrong profile goes to stderr, and the command ends."""
    from lodestone.operations.profile import ProfileError
    from lodestone.workflow.jobs import RulesError

    try:
        yield
    except (ProfileError, RulesError) as error:
        end(str(error), WRONG_CONFIG)


def load(config: Path, variant: str | None = None) -> Campaign:
    """The campaign of a file; where it has faults, they go to stderr and the command ends.

    `variant` is one of the file's variants; None for what the file itself says.
    """
    from lodestone.config import load_campaign

    with config_errors():
        chosen = {} if variant is None else {"variant": variant}
        return load_campaign(config, chosen | {ALLOWED: _functions_allowed()})


def load_with_variants(config: Path, variant: str | None) -> tuple[Campaign, dict[str, Campaign]]:
    """The campaign of a file as `load` gives it, and those of all its variants, which must be good too."""
    from lodestone.config.load import load_variants

    with config_errors():
        found = load_variants(config, allow_functions=_functions_allowed())
    return load(config, variant), {name: one for name, one in found.items() if name is not None}


@contextmanager
def config_errors() -> Iterator[None]:
    """The faults of a campaign file go to stderr, and the command ends."""
    from lodestone.config import ConfigError

    try:
        yield
    except ConfigError as error:
        end(str(error).replace("--config: variant: ", "--variant: "), WRONG_CONFIG)


def end(message: str, code: int) -> NoReturn:
    """Say what is wrong on stderr, and end."""
    click.echo(message, err=True)
    sys.exit(code)
