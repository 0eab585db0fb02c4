"""Finds plugins: the modules of a folder, and what other packages register as Python entry points.

A folder is its own registry: a file (or a folder) that lies there is found by itself, nothing else is edited.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

ENTRY_POINTS = "lodestone."
"""Groups of entry points begin with it: `lodestone.estimators`, `lodestone.descriptors`, ..."""


class PluginError(RuntimeError):
    """A plugin is not what its folder or its entry point promises; the message names it and the fix."""


def names(package: ModuleType) -> tuple[str, ...]:
    """Names of the modules of a package, sorted; nothing is imported for it."""
    return tuple(sorted(info.name for info in iter_modules(package.__path__)))


def modules(package: ModuleType, group: str = "") -> list[ModuleType]:
    """The modules of a package, by name, then those that entry points of `lodestone.<group>` name.

    Raises:
        PluginError: an entry point names no module.
    """
    own = [import_module(f"{package.__name__}.{name}") for name in names(package)]
    return own + [_module_of(point) for point in registered(group)] if group else own


def _module_of(point: EntryPoint) -> ModuleType:
    found = _loaded(point)
    if not isinstance(found, ModuleType):
        raise PluginError(f"{_named(point)} is no module")
    return found


def kinds(package: ModuleType, base: Any, group: str) -> dict[str, Any]:
    """The models derived from `base` by the default of their field `kind`, sorted by rank and name.

    Those that a module of `package` itself defines, then those that entry points of `lodestone.<group>` name:
    `my_kind = "my_package.my_module:MyModel"`.

    Raises:
        PluginError: an entry point names no such model, or two models have one `kind`.
    """
    found: dict[str, Any] = {}
    for module in modules(package):
        for member in vars(module).values():
            if getattr(member, "__module__", None) == module.__name__ and _is_kind(member, base):
                _add(found, member, module.__name__)
    for point in registered(group):
        member = _loaded(point)
        if not _is_kind(member, base):
            raise PluginError(
                f"{_named(point)} is no model derived from {base.__module__}.{base.__name__} with a `kind`"
            )
        _add(found, member, _named(point))
    return dict(sorted(found.items(), key=lambda item: (getattr(item[1], "rank", 100), item[0])))


def named(package: ModuleType, name: str, base: Any, group: str) -> Any:
    """The one class derived from `base` in the module `name` of a package, or of the entry point `name`.

    For plugins that are known by the names of their modules: no other module is imported.

    Raises:
        PluginError: there is not exactly one, two have this name, or an entry point is not named like the
            module of its class.
    """
    points = [point for point in registered(group) if point.name == name]
    inside = name in names(package)
    if inside + len(points) != 1:
        where = [f"{package.__name__}.{name}"] * inside + [_named(point) for point in points]
        raise PluginError(f"{name!r} is there {len(where)} times: {', '.join(where)}; choose another name")
    return _of_point(points[0], base) if points else _of_module(f"{package.__name__}.{name}", base)


def _of_module(name: str, base: Any) -> Any:
    own = [m for m in vars(import_module(name)).values() if getattr(m, "__module__", None) == name]
    found = [member for member in own if isinstance(member, type) and issubclass(member, base)]
    if len(found) != 1:
        wanted = f"one class derived from {base.__module__}.{base.__name__}"
        raise PluginError(f"{name} must define {wanted}, not {len(found)}")
    return found[0]


def _of_point(point: EntryPoint, base: Any) -> Any:
    member = _loaded(point)
    if not isinstance(member, type) or not issubclass(member, base):
        raise PluginError(f"{_named(point)} is no class derived from {base.__module__}.{base.__name__}")
    module = member.__module__.rpartition(".")[2]
    if module != point.name:
        raise PluginError(f"{_named(point)} must have the name of the module of its class, {module}")
    return member


@cache
def registered(group: str) -> tuple[EntryPoint, ...]:
    """What other installed packages register for a group, by name."""
    return tuple(sorted(entry_points(group=ENTRY_POINTS + group), key=lambda point: point.name))


def distributions() -> dict[str, str]:
    """Name and version of every other package that registers plugins, by name."""
    groups = (group for group in entry_points().groups if group.startswith(ENTRY_POINTS))
    found = {point.dist for group in groups for point in entry_points(group=group) if point.dist}
    return dict(sorted((package.name, package.version) for package in found))


def digest(group: str) -> str:
    """Hash of the source of the modules behind the entry points of a group; "" where there are none.

    Of a module that is a package, all its files count; of another what it imports does not. Nothing is
    imported.
    """
    names_of = sorted({point.module for point in registered(group)})
    if not names_of:
        return ""
    found = hashlib.sha256()
    for name in names_of:
        for path in _files(name):
            found.update(f"{name} {path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()[:16]


def _files(module: str) -> list[Path]:
    """The source files of a module, sorted; none where it is not there."""
    package, *inner = module.split(".")
    top = find_spec(package)
    if top is None:
        return []
    if not inner and not top.submodule_search_locations:
        return [Path(top.origin)] if top.origin else []
    stems = [Path(folder).joinpath(*inner) for folder in top.submodule_search_locations or ()]
    single = [stem.with_suffix(".py") for stem in stems if inner and stem.with_suffix(".py").is_file()]
    return single or sorted(path for stem in stems for path in stem.rglob("*.py"))


def _loaded(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:
        raise PluginError(f"{_named(point)} cannot be loaded: {type(error).__name__}: {error}") from error


def _named(point: EntryPoint) -> str:
    package = f" of {point.dist.name}" if point.dist else ""
    return f"entry point {point.name} = {point.value} in {point.group}{package}"


def _is_kind(member: Any, base: type) -> bool:
    return isinstance(member, type) and issubclass(member, base) and "kind" in _fields(member)


def _fields(model: type) -> dict[str, Any]:
    found: dict[str, Any] = getattr(model, "model_fields", {})
    return found


def _add(found: dict[str, Any], model: Any, where: str) -> None:
    kind = _fields(model)["kind"].default
    if not isinstance(kind, str):
        raise PluginError(f"{where}: {model.__name__}.kind has no default; write kind: Literal[...] = ...")
    if kind in found:
        raise PluginError(f"{where}: kind {kind!r} is taken by {found[kind].__module__}; choose another name")
    found[kind] = model
