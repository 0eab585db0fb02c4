"""The rules of the workflow: what a job of each asks for, and which other jobs it waits for."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[3] / "rules"
HULL = ("references", "reference_energy", "term_reference_energy")
NEEDS: Mapping[str, tuple[str, ...]] = {
    "references": (),
    "reference_energy": ("references",),
    "term_reference_energy": ("references",),
    "pilot": ("references", "reference_energy", *HULL),
    "train_generator": ("references",),
    "propose": ("references", "train_generator"),
    "sample": ("pilot", "propose", *HULL),
    "import_structures": (),
    "measure": ("sample", "import_structures", *HULL),
    "relax": ("sample", "import_structures", "measure", *HULL),
    "symmetrize": ("sample", "import_structures"),
    "screen": ("symmetrize",),
    "deduplicate": ("symmetrize", "screen"),
    "novelty": ("symmetrize", "deduplicate", "references"),
    "energy": ("symmetrize", "screen"),
    "other_energy": ("symmetrize", "screen"),
    "hull": ("symmetrize", "energy", "other_energy", *HULL),
    "analyse": (
        *("measure", "relax", "symmetrize", "screen", "deduplicate", "novelty", "energy"),
        *("references", "reference_energy", "term_reference_energy", "hull", "pilot"),
    ),
    "record": ("references", "analyse"),
    "report": ("record", "analyse", "references", "reference_energy", "hull", "pilot"),
    "figures": ("record", "analyse", "references", "reference_energy", "hull", "pilot"),
}
"""Which rules the jobs of a rule wait for; a test compares it with Snakemake's own graph."""
WHERE_TERMS_NEED_A_HULL = frozenset({"pilot", "sample", "measure", "relax"})
"""Rules that wait for `HULL` only where a term of a constraint asks for energies above the hull."""


class RulesError(ValueError):
    """A file of rules is missing, or does not tell what its jobs need; the message names it."""


@dataclass(frozen=True)
class Needs:
    """What a job of a rule asks for."""

    threads: int
    resources: Mapping[str, Any]


# Snakemake's own answer would be the rules of a parsed workflow. But its API prints only their names, a
# profile alone has no campaign by which the Snakefile could be parsed, and that takes seconds for 1,000 arms.
def read_rules(folder: Path = FOLDER) -> dict[str, Needs]:
    """Threads and resources of every rule of a campaign, as they stand in its file.

    Raises:
        RulesError: a rule is missing, or a value is not a plain number or text.
    """
    found = {
        name: (path, body)
        for path in sorted(folder.glob("*.smk"))
        for name, body in _bodies(path.read_text(encoding="utf-8"))
    }
    if missing := [name for name in NEEDS if name not in found]:
        raise RulesError(f"{folder}/*.smk: no rule {', '.join(missing)}; run in a whole copy of Lodestone")
    return {name: needs(*found[name], name) for name in NEEDS}


def needs(path: Path, body: str, rule: str) -> Needs:
    """What the text of a rule says about its jobs."""
    threads = re.search(r"^    threads: *(\d+)$", body, re.MULTILINE)
    block = re.search(r"^    resources:\n((?:        .*\n)+)", body, re.MULTILINE)
    lines = block.group(1).splitlines() if block else []
    resources = dict(_resource(line.strip(), f"{path}: rule {rule}") for line in lines)
    return Needs(int(threads.group(1)) if threads else 1, resources)


def _bodies(text: str) -> list[tuple[str, str]]:
    parts = re.split(r"^rule (\w+):\n", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def _resource(line: str, where: str) -> tuple[str, Any]:
    name, _, value = line.rstrip(",").partition("=")
    try:
        return name.strip(), ast.literal_eval(value.strip())
    except (ValueError, SyntaxError):
        raise RulesError(
            f"{where}: resources: {line!r} is no plain number or text; write name=number"
        ) from None
