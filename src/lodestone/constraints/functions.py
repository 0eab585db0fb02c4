"""Calls of a user's Python function of one structure: a number, or None, whatever the function does.

What it raises is counted and said once; the random state of the sampler stays as it was, so that the same
seed draws the same structures whether or not a function is asked.

Python functions that a campaign names, as `path/to/file.py:name` or `package.module:name`.

Looking at one (`problem`, `sha256`) never runs it: files are found, hashed and parsed. `load` runs the code
of the very bytes that were hashed, and only where the caller knows their SHA-256: whoever may let code run
gives the hashes (see campaign/permission.py), and a file that was edited since is refused.
"""

from __future__ import annotations

import ast
import hashlib
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms

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


SEED = 0
"""Every call begins from this seed of random, numpy and torch: its value is one of the structure alone."""
THINNEST = 0.5
"""Å between the lattice planes of a cell; below, neighbour searches take forever and nothing is a crystal."""


class Calls:
    """A function with its keyword arguments, and how often it was called, was not defined, and raised.

    A function whose attribute `batched` is true takes a list of structures and returns a list of numbers.
    """

    def __init__(self, name: str, call: Call, arguments: Mapping[str, Any]) -> None:
        self.name, self._call, self._arguments = name, call, dict(arguments)
        self.calls = self.undefined = self.raised = 0

    def __call__(self, structures: Sequence[Atoms]) -> list[float | None]:
        """Values in the order of the structures; None where the function has none, or raises."""
        usable = [k for k, atoms in enumerate(structures) if is_measurable(atoms)]
        found: dict[int, float | None] = {}
        if getattr(self._call, "batched", False):
            found = dict(zip(usable, self._many([structures[k] for k in usable]), strict=True))
        else:
            found = {k: self._one(structures[k]) for k in usable}
        self.calls += len(structures)
        values = [found.get(k) for k in range(len(structures))]
        self.undefined += sum(value is None for value in values)
        return values

    def _one(self, atoms: Atoms) -> float | None:
        try:
            with undisturbed():
                given = self._call(atoms.copy(), **self._arguments)
            return number(given)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the code of a user raises
            self._note(error)
            return None

    def _many(self, structures: list[Atoms]) -> list[float | None]:
        """All at once; where that raises, each alone, so that one loses no other."""
        if not structures:
            return []
        try:
            with undisturbed():
                given = list(self._call([atoms.copy() for atoms in structures], **self._arguments))
            return [number(value) for _, value in zip(structures, given, strict=True)]
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
            if len(structures) == 1:
                self._note(error)
                return [None]
            return [value for atoms in structures for value in self._many([atoms])]

    def _note(self, error: BaseException) -> None:
        from lodestone.runtime.memory import is_exhausted

        if is_exhausted(error):
            raise error  # the batch is halved and tried again
        self.raised += 1
        if self.raised == 1:
            warnings.warn(
                f"{self.name} raised {type(error).__name__}: {error}; such structures count as not defined, "
                "and this is said once",
                stacklevel=2,
            )


def number(value: Any) -> float | None:
    """What a function returned as a float; None for None, NaN and infinities.

    Raises TypeError for what is no number.
    """
    import math

    if value is None:
        return None
    if isinstance(value, str | bytes | bytearray):
        wrong = f"returned {type(value).__name__}, no number"
        raise TypeError(wrong)
    found = float(value)
    return found if math.isfinite(found) else None


def is_measurable(atoms: Atoms) -> bool:
    """Whether a structure has atoms of known elements in a cell that is one."""
    import numpy as np

    cell = atoms.cell.array
    if not len(atoms) or atoms.numbers.min() < 1:
        return False
    if not (np.isfinite(cell).all() and np.isfinite(atoms.positions).all()):
        return False
    return bool(_thickness(cell) >= THINNEST)


def _thickness(cell: np.ndarray) -> float:
    """The smallest distance of lattice planes, Å; 0 for a cell without volume."""
    import numpy as np

    volume = abs(float(np.linalg.det(cell)))
    areas = np.linalg.norm(np.cross(cell[[1, 2, 0]], cell[[2, 0, 1]]), axis=1)
    return volume / float(areas.max()) if areas.max() > 0 else 0.0


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keeps the random states and the default dtype; inside, gradients are on and seeds are `SEED`."""
    import random

    import numpy as np
    import torch

    python, legacy, dtype = random.getstate(), np.random.get_state(), torch.get_default_dtype()  # noqa: NPY002
    with torch.random.fork_rng(), torch.enable_grad(), np.errstate():
        random.seed(SEED)
        np.random.seed(SEED)  # noqa: NPY002 - the state that a user's code may draw from
        torch.manual_seed(SEED)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002
            torch.set_default_dtype(dtype)
