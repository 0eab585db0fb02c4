"""docs/configuration.md: every key in tables."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any, get_args

from pydantic import BaseModel

from lodestone.config.campaign import Campaign
from lodestone.config.sections.constraints import Constraint
from lodestone.constraints import term_models
from lodestone.references.descriptions import source_kinds
from tools.documentation.keys import first_line, flow, keys, units

TEXT = """\
# Configuration

Which keys a campaign file has, what each takes, and what it means. A campaign is one YAML file.
`lodestone check CONFIG` reads it and names every fault with file, line, key and what is allowed;
`snakemake --configfile CONFIG --profile profiles/local` runs it. Only `campaign`, `chemical_system` and
`constraints` are needed; `config/default.yaml` shows every key. Constraints have a page of their own:
[constraints](constraints.md).

- Plain values follow YAML 1.2: `no` is a text, `1e-3` is a number, `010` is ten. Tags and duplicate keys
  are refused; anchors and merge keys work.
- Types are strict: `"10"` is no number and `true` is no 1. NaN and infinity are refused.
- Relative paths (`model.checkpoint`, `energy.estimator.model`, those of `references`) are relative to the
  folder that the command runs in, where `results/` lies too.
- `snakemake ... --config 'sampling={structures: 8}'` changes keys for one run; faults there are named
  `--config`.
- `variants` holds named parts of a campaign, such as `embedded: {model: {checkpoint: embedded}}`. Where
  one is chosen (`snakemake ... --config variant=embedded`, `lodestone ... --variant embedded`), it goes over
  the rest of the file before that is checked: mappings key by key; lists, values, `constraints` and a
  mapping of another `kind` as a whole. `null` is a value like others. Its results lie in
  `results/<campaign>-<variant>/`. `lodestone check` looks at all variants of a file.
- Editors that know the YAML language server complete keys where a file begins with
  `# yaml-language-server: $schema=schema.json`.

Made by `python -m tools.documentation` from the sections' models; not edited by hand.
"""


def page() -> str:
    """The whole page."""
    parts = [TEXT, "## Top level\n", table(Campaign)]
    for name, model in _sections(Campaign, ""):
        parts += [f"## `{name}`\n\n{first_line(model)}\n", table(model)]
    for kind, term in term_models().items():
        parts += [f"## `constraints.<name>.terms` of `kind: {kind}`\n"]
        parts += [f"{first_line(term)} Unit of value, target and tolerance: {units(term)}.\n", table(term)]
    return "\n".join(parts)


def table(model: type[BaseModel], leave_out: Container[str] = ()) -> str:
    """The keys of one section."""
    rows = ["| key | takes | default | meaning |", "|---|---|---|---|"]
    for key in keys(model):
        if key.name in leave_out:
            continue
        default = "**needed**" if key.needed else _default(key.default)
        rows.append(f"| `{key.name}` | {_cell(key.takes)} | {default} | {_cell(key.meaning)} |")
    return "\n".join(rows) + "\n"


def _sections(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, info in model.model_fields.items():
        if name == "constraints":
            yield "constraints.<name>", Constraint
            continue
        if name == "references":
            yield from ((f"{name}` of `kind: {kind}", model) for kind, model in source_kinds().items())
            continue
        for section in _models(info.annotation):
            kind = section.model_fields.get("kind")
            title = f"{prefix}{name}` of `kind: {kind.default}" if kind else f"{prefix}{name}"
            yield title, section
            yield from _sections(section, f"{prefix}{name}.")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    else:
        for part in get_args(annotation):
            yield from _models(part)


def _default(value: Any) -> str:
    return "its own" if isinstance(value, BaseModel) else f"`{flow(value)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
