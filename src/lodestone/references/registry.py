"""Finds the sources in `sources/`: the folder is the registry."""

from __future__ import annotations

import importlib
import pkgutil

from lodestone.references import sources
from lodestone.references.source import ReferenceSourceError, Source


def source_names() -> tuple[str, ...]:
    """Names of the sources that a campaign can list, sorted; nothing is imported for it."""
    return tuple(sorted(info.name for info in pkgutil.iter_modules(sources.__path__)))


def find_source(name: str) -> Source:
    """The source of that name.

    Raises:
        ReferenceSourceError: there is none.
    """
    if name not in source_names():
        msg = f"unknown reference source {name!r}; there are: {', '.join(source_names())}"
        raise ReferenceSourceError(msg)
    module = importlib.import_module(f"{sources.__name__}.{name}")
    models = [m for m in vars(module).values() if _is_source_of(m, module.__name__)]
    if len(models) != 1:
        msg = f"{module.__name__} must define one source, not {len(models)}"
        raise ReferenceSourceError(msg)
    source: Source = models[0]()
    return source


def _is_source_of(member: object, module: str) -> bool:
    return isinstance(member, type) and issubclass(member, Source) and member.__module__ == module
