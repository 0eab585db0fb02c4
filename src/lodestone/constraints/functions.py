"""Python functions that a campaign names, as `path/to/file.py:name` or `package.module:name`.

Looking at one (`problem`, `sha256`) never runs it: files are found, hashed and parsed. `load` runs the code
of the very bytes that were hashed, and only where the caller knows their SHA-256: whoever may let code run
gives the hashes (see campaign/permission.py), and a file that was edited since is refused.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

FORM = r"^([^:]+\.py|[A-Za-z_]\w*(\.[A-Za-z_]\w*)*):[A-Za-z_]\w*$"
FORMS = "path/to/file.py:name, or package.module:name of an installed package"
SHORT = 12  # digits of a SHA-256 that a message shows
Call = Callable[..., Any]


class FunctionRefusedError(RuntimeError):
    """A function may not run, or cannot be loaded; the message says why and what to do."""


def split(text: str) -> tuple[str, str]:
    """The file or module, and the name in it."""
    module, _, name = text.rpartition(":")
    return module, name


def source(module: str) -> Path | None:
    """The file of a module, or the path of a file; None where there is none. Imports nothing.

    Relative paths are relative to the working folder.
    """
    if module.endswith(".py"):
        return Path(module) if Path(module).is_file() else None
    parts, inside, origin = module.split("."), None, None
    for n in range(1, len(parts) + 1):
        spec = next(_specs(".".join(parts[:n]), inside), None)
        if spec is None:
            return None
        inside, origin = spec.submodule_search_locations, spec.origin
    file = None if origin is None else Path(origin)
    return file if file is not None and file.suffix == ".py" and file.is_file() else None


def sha256(module: str) -> str | None:
    """SHA-256 of a function's file; None where there is none."""
    path = source(module)
    return None if path is None else hashlib.sha256(path.read_bytes()).hexdigest()


def problem(text: str, arguments: Mapping[str, Any]) -> tuple[str, str] | None:
    """What is wrong with a function and what is allowed, by reading its file; None where nothing is."""
    module, name = split(text)
    path = source(module)
    if path is None:
        what = f"there is no file {module}" if module.endswith(".py") else f"no module {module} is installed"
        return what, FORMS
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (OSError, SyntaxError, ValueError) as error:
        return f"{path} cannot be read as Python: {error}", "a file of Python"
    defined = dict(_defined(tree))
    if name not in defined:
        names = ", ".join(n for n, node in defined.items() if isinstance(node, ast.FunctionDef))
        return f"{path} defines no {name}", f"its functions: {names or 'none'}"
    node = defined[name]
    return _misfit(node, arguments) if isinstance(node, ast.FunctionDef) else None


def load(text: str, known: Mapping[str, str]) -> Call:
    """The function, from a file whose SHA-256 is the one in `known` (file or module -> SHA-256).

    Raises:
        FunctionRefusedError: it is not in `known`, has changed, or cannot be loaded.
    """
    module, _ = split(text)
    if module not in known:
        raise FunctionRefusedError(
            f"{text} may not run: its campaign was read without permission; it is given by "
            "`--config allow_functions=true` of snakemake, or `--allow-functions` of lodestone"
        )
    return _loaded(text, known[module])


@lru_cache(maxsize=64)
def _loaded(text: str, known: str) -> Call:
    module, name = split(text)
    path = source(module)
    if path is None:
        raise FunctionRefusedError(f"{text}: {module} is not there any more")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != known:
        raise FunctionRefusedError(
            f"{path} has changed since the workflow was planned (sha256 {known[:SHORT]}, now "
            f"{found[:SHORT]}); give the same command again, which reruns what uses it"
        )
    try:
        space = _run(path, content) if module.endswith(".py") else import_module(module)
        call: Call = getattr(space, name)
    except Exception as error:  # whatever the code of a user raises
        raise FunctionRefusedError(f"{text} cannot be loaded: {type(error).__name__}: {error}") from error
    if not callable(call):
        raise FunctionRefusedError(f"{text} is no function but a {type(call).__name__}")
    return call


def _run(path: Path, content: bytes) -> Any:
    """A module of these bytes, under a name of its own; no other file of the folder can be imported."""
    name = f"lodestone_function_{hashlib.sha256(f'{path}'.encode() + content).hexdigest()[:SHORT]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path.absolute())
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # what dataclasses and pickle look for
    try:
        exec(compile(content, str(path), "exec"), module.__dict__)  # noqa: S102 - what the user allowed
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _specs(name: str, inside: Any) -> Iterator[Any]:
    """Where the finders of Python see a module; unlike importlib's find_spec, parents are not imported."""
    for finder in sys.meta_path:
        spec = finder.find_spec(name, inside) if hasattr(finder, "find_spec") else None
        if spec is not None:
            yield spec


def _defined(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Names that a file defines at its top."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.Assign):
            yield from ((target.id, node) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node
        elif isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, node) for alias in node.names)


def _misfit(node: ast.FunctionDef, arguments: Mapping[str, Any]) -> tuple[str, str] | None:
    """Whether a function takes a structure and these keyword arguments."""
    own = node.args
    places = [a.arg for a in (*own.posonlyargs, *own.args)]
    if not places and own.vararg is None:
        return f"{node.name} takes no structure", "a function whose first argument is an ase.Atoms"
    taken = [a.arg for a in own.args if a.arg in places[1:]] + [a.arg for a in own.kwonlyargs]
    unknown = [key for key in arguments if key not in taken]
    if unknown and own.kwarg is None:
        return f"{node.name} takes no argument {unknown[0]}", ", ".join(taken) or "no arguments"
    defaults = len(own.defaults)
    needed = places[1 : len(places) - defaults] if defaults < len(places) else []
    needed += [a.arg for a, d in zip(own.kwonlyargs, own.kw_defaults, strict=True) if d is None]
    missing = [key for key in needed if key not in arguments]
    if missing:
        return f"{node.name} needs the argument {missing[0]}", f"arguments: {{{missing[0]}: ...}}"
    return None
