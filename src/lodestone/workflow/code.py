"""The version of the code behind a stage: a change of what it computes reruns it, a comment does not."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

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


def digest(patterns: Iterable[str]) -> str:
    """A hash of the source that starts from these files, without comments and docstrings."""
    found = hashlib.sha256()
    for path in sorted(files(patterns)):
        found.update(f"{path.relative_to(PACKAGE).as_posix()} {_digest(path)}\n".encode())
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


@lru_cache(maxsize=512)
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@lru_cache(maxsize=512)
def _digest(path: Path) -> str:
    if path.suffix != ".py":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return meaning(_tree(path))


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


@lru_cache(maxsize=512)
def _imports(path: Path) -> tuple[Path, ...]:
    if path.suffix != ".py":
        return ()
    return tuple(p for node in ast.walk(_tree(path)) for name in _names(node) for p in _modules(name))


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
