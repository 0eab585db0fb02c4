"""The version of the code behind a stage: a change of what it computes reruns it, a comment does not."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from lodestone.runtime.files import shared_cache, write_json

PACKAGE = Path(__file__).parents[1]
NO_RESULTS = (
    "columns/names",  # a new name changes no result
    "runtime",
    "schema",
    "config",
    "workflow/adapter",
    "workflow/assets",
    "workflow/code",
    "workflow/sampling_settings",
    "workflow/jobs",
    "workflow/paths",
    "workflow/potentials",
    "workflow/settings",
    "workflow/other_estimators",
    "workflow/stages",
    "workflow/wiring",
    "operations",
    "doctor",
    "cli",
    "embedded",
    "plugins",
)
"""Parts that move data without changing them."""
OWN = f"{PACKAGE.name}."
MOST = 4096
"""Files that are remembered; the package has about 330."""
Read = tuple[str, tuple[str, ...]]
"""The hash of what a file means, and the modules of the package that it imports."""
_NEW: list[str] = []


def digest(patterns: Iterable[str]) -> str:
    """A hash of the source that starts from these files, without comments and docstrings."""
    found = hashlib.sha256()
    for path in sorted(files(patterns)):
        found.update(f"{path.relative_to(PACKAGE).as_posix()} {_read(path)[0]}\n".encode())
    _keep()
    return found.hexdigest()[:16]


def files(patterns: Iterable[str]) -> set[Path]:
    """These files below the package, and every one that they import in turn."""
    waiting = [path for pattern in patterns for path in PACKAGE.glob(pattern) if _counts(path)]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [inner for inner in _imports(path) if _is_result(inner)]
    return found


def _counts(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")


def _is_result(path: Path) -> bool:
    name = path.relative_to(PACKAGE).with_suffix("").as_posix()
    return not any(name == part or name.startswith(f"{part}/") for part in NO_RESULTS)


@lru_cache(maxsize=1024)
def _read(path: Path) -> Read:
    """What the file says, remembered by its bytes from one process to the next."""
    content = path.read_bytes()
    if path.suffix != ".py":
        return hashlib.sha256(content).hexdigest(), ()
    key = hashlib.sha256(content).hexdigest()
    known = _memory()
    if key not in known:
        tree = ast.parse(content)
        names = tuple(name for node in ast.walk(tree) for name in _names(node) if name.startswith(OWN))
        known[key] = meaning(tree), names
        _NEW.append(key)
    return known[key]


@lru_cache(maxsize=1)
def _memory() -> dict[str, Read]:
    """What other processes found out; parsing the package takes longer than all else of a dry run."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        stored = json.loads(_place().read_text(encoding="utf-8"))  # type: ignore[union-attr]
        return {str(key): (str(found), tuple(map(str, names))) for key, (found, names) in stored.items()}
    return {}


def _keep() -> None:
    """Leave what is new to the next process; where that cannot be, it costs a second there."""
    place = _place()
    if place is None or not _NEW:
        return
    _NEW.clear()
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        write_json(place, dict(list(_memory().items())[-MOST:]))


def _place() -> Path | None:
    """A file of its own for every way to find out: this code, and the Python whose trees it reads."""
    folder = shared_cache()
    if folder is None:
        return None
    how = hashlib.sha256(Path(__file__).read_bytes() + sys.version.encode()).hexdigest()[:16]
    return folder / f"code-{how}.json"


def meaning(tree: ast.Module) -> str:
    """Hash of a module without docstrings, comments and layout."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            node.body = body[1:]  # type: ignore[attr-defined]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _imports(path: Path) -> Iterator[Path]:
    return (inner for name in _read(path)[1] for inner in _modules(name))


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _modules(name: str) -> Iterator[Path]:
    package, *parts = name.split(".")
    if package != PACKAGE.name or not parts:
        return
    stem = PACKAGE.joinpath(*parts)
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.is_file():
            yield path
