"""Python functions that a campaign file names run only where the user allows it by a flag.

Reading a campaign finds, parses and hashes their files and runs nothing. Where the flag is given, each term
gets the SHA-256 of its files; with the settings of a stage the hashes reach its jobs, which run no other
code. The flag is no key of a campaign file: who writes a file is not always who runs it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lodestone.schema.errors import ConfigError, Fault
from lodestone.schema.yaml_reader import Document, Path, key_text, scalar

if TYPE_CHECKING:
    from lodestone.config.campaign import Campaign

FLAG = "allow_functions"
GIVEN_BY = "`--config allow_functions=true` of snakemake, or `--allow-functions` of lodestone"
Place = tuple[str | int, ...]


def taken(overrides: dict[str, Any], where: str) -> bool:
    """Whether `overrides` give the permission, which is taken out of them.

    Raises:
        ConfigError: what they give is no truth value.
    """
    given = overrides.pop(FLAG, False)
    given = scalar(given) if isinstance(given, str) else given
    if not isinstance(given, bool):
        raise ConfigError([Fault(where, FLAG, f"{given!r} is no truth value", "true, false")])
    return given


def refuse_in_file(document: Document) -> None:
    """Raise ConfigError where the file gives the permission itself."""
    if FLAG in document.data:
        path: Path = (FLAG,)
        wrong = "is no key of a campaign file: who runs a campaign allows its functions"
        key = key_text(document.as_written(path))
        raise ConfigError([Fault(document.place(path), key, wrong, GIVEN_BY)])


def permitted(campaign: Campaign, document: Document, *, allowed: bool) -> Campaign:
    """The campaign with the SHA-256 of its functions' files in their terms; itself where it has none.

    Raises:
        ConfigError: a function is not there or not as it should be, or it is not allowed to run.
    """
    from lodestone.config.campaign import Campaign

    wanted = list(_functions(campaign))
    if not wanted:
        return campaign
    found, data = [], copy.deepcopy(document.data)
    for place, named, known in wanted:
        hashes, faults = _examined(place, named, known, allowed=allowed)
        found += faults
        data["constraints"][place[1]]["terms"][place[3]]["sha256"] = hashes
    if found:
        raise ConfigError([_fault(document, *fault) for fault in found])
    return Campaign.model_validate(data)


def allowed_functions(campaign: Campaign) -> list[str]:
    """A line per function of a campaign that may run: what, of which file, and which content of it."""
    from lodestone.constraints.functions import SHORT, split

    lines: dict[str, None] = {}
    for _, named, known in _functions(campaign):
        for _, text, _ in named:
            module, name = split(text)
            lines[f"allowed to run: {name} of {module} (sha256 {known[module][:SHORT]})"] = None
    return list(lines)


def _functions(campaign: Campaign) -> Iterator[tuple[Place, Any, dict[str, str]]]:
    """Place, functions and known hashes of each term that names functions."""
    for name, constraint in campaign.constraints.items():
        for i, term in enumerate(constraint.terms):
            if term.kind == "function":
                yield ("constraints", name, "terms", i), term.named, dict(term.sha256)


def _examined(
    place: Place, named: Any, known: dict[str, str], *, allowed: bool
) -> tuple[dict[str, str], list[tuple[Place, str, str]]]:
    """The hashes of a term's functions, and its faults."""
    from lodestone.constraints.functions import SHORT, problem, sha256, split

    hashes: dict[str, str] = {}
    faults: list[tuple[Place, str, str]] = []
    for key, text, arguments in named:
        module, name = split(text)
        wrong = problem(text, arguments)
        if wrong is not None:
            faults.append(((*place, key), *wrong))
            continue
        hashes[module] = str(sha256(module))
        told = f"{module} (sha256 {hashes[module][:SHORT]})"
        if known.get(module, hashes[module]) != hashes[module]:
            pinned = f"is of another file than {told}"
            faults.append(((*place, "sha256", module), pinned, f"{hashes[module]}; or no such key"))
        elif not allowed:
            wanted = f"would run {name} of {told}, which is not allowed yet"
            faults.append(((*place, key), wanted, f"only with {GIVEN_BY}"))
    return hashes, faults


def _fault(document: Document, path: Place, wrong: str, allowed: str) -> Fault:
    return Fault(document.place(path), key_text(document.as_written(path)), wrong, allowed)
