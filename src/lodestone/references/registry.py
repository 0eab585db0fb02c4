"""Finds kinds of sources in `sources/` and databases in `databases/`: the folders are the registry."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from lodestone.references import sources
from lodestone.references.source import ReferenceSourceError, Source

DATABASES = Path(__file__).parent / "databases"


def source_kinds() -> dict[str, type[Source]]:
    """The kinds of sources, by the names of their files, sorted."""
    return {name: source_kind(name) for name in kind_names()}


def kind_names() -> tuple[str, ...]:
    """Names of the kinds of sources, sorted; nothing is imported for it."""
    return tuple(sorted(info.name for info in pkgutil.iter_modules(sources.__path__)))


def source_kind(kind: str) -> type[Source]:
    """The class of a kind of source.

    Raises:
        ReferenceSourceError: there is none, or its file does not define exactly one source.
    """
    if kind not in kind_names():
        msg = f"unknown kind of reference source {kind!r}; there are: {', '.join(kind_names())}"
        raise ReferenceSourceError(msg)
    module = importlib.import_module(f"{sources.__name__}.{kind}")
    models = [m for m in vars(module).values() if _is_source_of(m, module.__name__)]
    if len(models) != 1:
        msg = f"{module.__name__} must define one source, not {len(models)}"
        raise ReferenceSourceError(msg)
    found: type[Source] = models[0]
    return found


def database_names() -> tuple[str, ...]:
    """Names of the databases whose descriptions come with the package, sorted."""
    return tuple(sorted(path.stem for path in DATABASES.glob("*.yaml")))


def database_file(name: str) -> Path:
    """The description of a database that comes with the package."""
    return DATABASES / f"{name}.yaml"


def _is_source_of(member: object, module: str) -> bool:
    return isinstance(member, type) and issubclass(member, Source) and member.__module__ == module
