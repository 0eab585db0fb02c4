"""From a campaign file to a campaign, or to a list of its faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lodestone.config.permission import permitted, refuse_in_file, taken
from lodestone.config.variants import VARIANT, VARIANTS, chosen, names
from lodestone.schema.errors import WHOLE_FILE, ConfigError, Fault
from lodestone.schema.yaml_file import read_strictly
from lodestone.schema.yaml_reader import Document, scalar

if TYPE_CHECKING:
    from lodestone.config.campaign import Campaign

OVERRIDES = "--config"


def load_campaign(path: Path, overrides: Mapping[str, Any] | None = None) -> Campaign:
    """The campaign of a YAML file, `overrides` merged deeply into it before it is validated.

    The key `variant`, of the file or of `overrides`, chooses one of the file's `variants`, which goes over
    the file and under the other overrides.

    The key `allow_functions` of `overrides`, never of the file, allows the Python functions that the campaign
    names to run; without it a campaign that names one is at fault.

    Texts inside mappings and lists of `overrides` are read as YAML scalars, since Snakemake's
    `--config` leaves them as texts. Relative paths in a campaign are relative to the working folder.

    Raises:
        ConfigError: one line per fault: `file:line: key: what is wrong; allowed: ...`.
    """
    document, values = _mapping(path), dict(overrides or {})
    allowed = taken(values, OVERRIDES)
    override(document, {key: values.pop(key) for key in (VARIANT, VARIANTS) if key in values})
    return _campaign(document, values, document.data.get(VARIANT), allow_functions=allowed)


def load_variants(path: Path, *, allow_functions: bool = False) -> dict[str | None, Campaign]:
    """The campaign of a file without a variant (None) and with each of its variants.

    `allow_functions` allows the Python functions that they name to run.

    Raises:
        ConfigError: the faults of all of them, each told once; one that only a variant brings into the rest
            of the file names that variant.
    """
    document = _mapping(path)
    found: dict[str | None, Campaign] = {}
    wrong: dict[tuple[str, str], Fault] = {}
    for name in (None, *names(document)):
        try:
            found[name] = _campaign(document, {}, name, allow_functions=allow_functions)
        except ConfigError as error:
            for fault in error.faults:
                wrong.setdefault((fault.where, fault.key), _of_variant(fault, name))
    if wrong:
        raise ConfigError(list(wrong.values()))
    return found


def _mapping(path: Path) -> Document:
    document = read_strictly(path)
    if not isinstance(document.data, dict):
        raise ConfigError([_no_mapping(document)])
    return document


def _campaign(
    document: Document, overrides: Mapping[str, Any], variant: Any, *, allow_functions: bool
) -> Campaign:
    from pydantic import ValidationError

    from lodestone.config.campaign import Campaign
    from lodestone.config.faults import faults

    document = chosen(document, variant)
    refuse_in_file(document)
    override(document, overrides)
    try:
        campaign = Campaign.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError(faults(error, document)) from None
    return permitted(campaign, document, allowed=allow_functions)


def _of_variant(fault: Fault, name: str | None) -> Fault:
    if name is None or fault.key == VARIANTS or fault.key.startswith(f"{VARIANTS}."):
        return fault
    return replace(fault, wrong=f"{fault.wrong} (in variant {name})")


def override(document: Document, values: Mapping[str, Any]) -> None:
    """Merge `values` into the document; what they touch is placed at `--config`."""
    _merge(document, document.data, values, ())


def _merge(
    document: Document, data: dict[str, Any], values: Mapping[str, Any], path: tuple[str, ...]
) -> None:
    for key, value in values.items():
        inner = (*path, str(key))
        if isinstance(value, Mapping) and isinstance(data.get(key), dict):
            _merge(document, data[key], value, inner)
            continue
        data[key] = _plain(value)
        document.write(inner, inner, OVERRIDES)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return scalar(value) if isinstance(value, str) else value


def _no_mapping(document: Document) -> Fault:
    from lodestone.config.faults import campaign_schema

    data = document.data
    kind = "a list" if isinstance(data, list) else "a single value"
    found = "is empty" if data is None else f"holds {kind}"
    keys = ", ".join(campaign_schema()["properties"])
    return Fault(document.place(()), WHOLE_FILE, found, f"a mapping with the keys {keys}")
