"""From an entry of `references` to its source: a name, a mapping, or a YAML file that describes one.

Kinds of sources are found in `sources/`, databases in `databases/`: the folders are the registry. Other
packages register kinds as entry points of `lodestone.sources`, named like the module of the class.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lodestone import plugins
from lodestone.plugins import PluginError
from lodestone.references import sources
from lodestone.references.source import (
    BulkSource,
    LocalSource,
    ReferenceSourceError,
    Source,
    SystemSource,
)
from lodestone.schema.sections import Problem

DATABASES = Path(__file__).parent / "databases"
GROUP = "sources"
"""Entry points of other packages: `lodestone.sources`."""
WAYS = (LocalSource, SystemSource, BulkSource)


def source_kinds() -> dict[str, type[Source]]:
    """The kinds of sources by name, sorted."""
    return {name: source_kind(name) for name in kind_names()}


def kind_names() -> tuple[str, ...]:
    """Names of the kinds of sources, sorted; nothing is imported for it."""
    return tuple(sorted({*plugins.names(sources), *(point.name for point in plugins.registered(GROUP))}))


def source_kind(kind: str) -> type[Source]:
    """The class of a kind of source.

    Raises:
        ReferenceSourceError: there is none.
        PluginError: its file or its entry point does not define one whole source; says what it lacks.
    """
    if kind not in kind_names():
        msg = f"unknown kind of reference source {kind!r}; there are: {', '.join(kind_names())}"
        raise ReferenceSourceError(msg)
    found: type[Source] = plugins.named(sources, kind, Source, GROUP)
    where = f"{found.__module__}.{found.__name__}"
    if not issubclass(found, WAYS):
        ways = ", ".join(way.__name__ for way in WAYS)
        raise PluginError(f"{where} is asked in no way that is known; derive it from one of {ways}")
    if lacking := sorted(found.__abstractmethods__):
        base = next(way.__name__ for way in WAYS if issubclass(found, way))
        raise PluginError(f"{where} lacks {', '.join(lacking)}; define what {base} declares as abstract")
    return found


def database_names() -> tuple[str, ...]:
    """Names of the databases whose descriptions come with the package, sorted."""
    return tuple(sorted(path.stem for path in DATABASES.glob("*.yaml")))


def database_file(name: str) -> Path:
    """The description of a database that comes with the package."""
    return DATABASES / f"{name}.yaml"


SUFFIXES = (".yaml", ".yml")


class DescriptionError(ReferenceSourceError):
    """A description that is no good; `problems` tell each key, what is wrong and what is allowed."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{_told(k)}{wrong}; allowed: {fix}" for k, wrong, fix in problems))


def resolve(entry: Any) -> Source:
    """The source that an entry of `references` means.

    Raises:
        DescriptionError: with every fault of the entry.
    """
    if isinstance(entry, Source):
        return entry
    if isinstance(entry, str):
        return _named(entry)
    if isinstance(entry, Mapping):
        return from_description(_completed(dict(entry)))
    raise DescriptionError([((), f"{entry!r} is no source", allowed())])


def describe(source: Source) -> dict[str, Any]:
    """The whole description of a source, JSON-able; `from_description` takes it back."""
    return {"kind": source.kind, **source.model_dump(mode="json")}


def contents(source: Source) -> dict[str, Any]:
    """What of a description decides which rows come: all but how the source is asked."""
    return {key: value for key, value in describe(source).items() if key not in source.handling}


def from_description(data: Mapping[str, Any], *, look: bool = True) -> Source:
    """The source of a whole description; with `look` what it needs on this machine must be there.

    Raises:
        DescriptionError: with every fault of the description.
    """
    kind = data.get("kind")
    if kind not in kind_names():
        raise DescriptionError([(("kind",), _no_kind(kind), ", ".join(kind_names()))])
    model = source_kind(str(kind))
    text = json.dumps({key: value for key, value in data.items() if key != "kind"})
    try:
        source = model.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise DescriptionError(list(_problems(error, model))) from None
    if look and (found := [((key,), wrong, fix) for key, wrong, fix in source.faults()]):
        raise DescriptionError(list(found))
    return source


def allowed() -> str:
    """What an entry of `references` may be, in words."""
    names = ", ".join(database_names())
    kinds = ", ".join(kind_names())
    return f"{names}, a YAML file that describes a source, or a mapping with a name and a kind ({kinds})"


def examples() -> tuple[Source, ...]:
    """A source of every kind: a database of that kind that comes with the package, else its example.

    Raises:
        PluginError: an example is no good description; names the class and its fault.
    """
    databases = [_read(database_file(name), look=False) for name in database_names()]
    return tuple(
        next((source for source in databases if source.kind == kind), None) or _example(kind, model)
        for kind, model in source_kinds().items()
    )


def _example(kind: str, model: type[Source]) -> Source:
    """The example of a kind, by default named like it and without other keys."""
    try:
        return from_description({"kind": kind, "name": kind.lower(), **model.example}, look=False)
    except DescriptionError as error:
        where = f"{model.__module__}.{model.__name__}"
        fix = f"{where}.example: the documentation shows these keys; write every key that has no default"
        raise PluginError(f"{fix}: {error}") from None


def _named(name: str) -> Source:
    from lodestone.text import did_you_mean

    if name in database_names():
        return _read(database_file(name))
    if Path(name).suffix.lower() in SUFFIXES:
        return _read(Path(name))
    raise DescriptionError([((), f"no source {name!r}{did_you_mean(name, database_names())}", allowed())])


def _read(path: Path, *, look: bool = True) -> Source:
    """The source that a YAML file describes; its faults are told with file and line."""
    from lodestone.schema.errors import ConfigError
    from lodestone.schema.yaml_file import read_strictly
    from lodestone.schema.yaml_reader import key_text

    wanted = "a YAML file with the keys of one source, kind and name among them"
    try:
        document = read_strictly(path)
    except ConfigError as error:
        raise DescriptionError([((), f"{f.where}: {f.wrong}", wanted) for f in error.faults]) from None
    if not isinstance(document.data, dict):
        raise DescriptionError([((), f"{path} holds no mapping", wanted)])
    try:
        return from_description(document.data, look=look)
    except DescriptionError as error:
        told = [((), f"{document.place(k)}: {key_text(k)}: {wrong}", a) for k, wrong, a in error.problems]
        raise DescriptionError(list(told)) from None


def _completed(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry with the keys of the database of its name, where one comes with the package, below its own."""
    name = entry.get("name")
    if not isinstance(name, str) or name not in database_names():
        return entry
    shipped = describe(_read(database_file(name), look=False))
    if entry.get("kind", shipped["kind"]) != shipped["kind"]:
        wrong = f"{name} is the name of a database of kind {shipped['kind']}"
        raise DescriptionError([(("kind",), wrong, f"{shipped['kind']}; or give your source another name")])
    return shipped | entry


def _no_kind(kind: Any) -> str:
    from lodestone.text import did_you_mean

    if kind is None:
        return "is missing"
    return f"{kind!r} is no kind of source{did_you_mean(str(kind), kind_names())}"


def _problems(error: ValidationError, model: type[Source]) -> Iterator[Problem]:
    from lodestone.text import did_you_mean

    keys = list(model.model_fields)
    for details in error.errors(include_url=False):
        path = tuple(details["loc"])
        if details["type"] == "extra_forbidden" and len(path) == 1:
            yield path, f"unknown key{did_you_mean(str(path[0]), keys)}", ", ".join(["kind", *keys])
        elif details["type"] == "missing":
            yield path, "is missing", _takes(model, path)
        else:
            yield path, f"{details['input']!r}: {details['msg']}", _takes(model, path)


def _takes(model: type[Source], path: tuple[str | int, ...]) -> str:
    """What a key is for, as its field says."""
    field = model.model_fields.get(str(path[0])) if path else None
    if field is None or not field.description:
        return ", ".join(["kind", *model.model_fields])
    return field.description.strip().splitlines()[0].rstrip(".")


def _told(path: tuple[str | int, ...]) -> str:
    return f"{'.'.join(map(str, path))}: " if path else ""
