"""Finding, reading and loading a user's functions: looking runs nothing, and loading runs what was hashed."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lodestone.constraints.functions import FORM, FunctionRefusedError, load, problem, sha256, source

CODE = """\
from __future__ import annotations
from dataclasses import dataclass
from math import sqrt as root
LIMIT: float = 3
once = max

@dataclass
class Box:
    side: Edge

@dataclass
class Edge:
    length: float

def plain(atoms): return LIMIT
def scaled(atoms, scale, *, shift=0.0): return scale + shift
def needs(atoms, *, symprec): return symprec
def any_key(atoms, **others): return len(others)
def empty(): return 0
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Writes a file of the working folder; returns its name."""
    monkeypatch.chdir(tmp_path)

    def written(text: str = CODE, name: str = "own.py") -> str:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return name

    return written


@pytest.mark.parametrize(
    "text", ["a.py:f", "/x/y z/a.py:f_1", "../a.py:f", "numpy:mean", "json.decoder:scan"]
)
def test_forms_that_a_function_has(text: str) -> None:
    assert re.match(FORM, text)


@pytest.mark.parametrize(
    "text", ["a.py", "a.py:", "a.py:f()", "a.py:f.g", ":f", "a..b:f", "a.py:1f", "a b:f"]
)
def test_forms_that_it_has_not(text: str) -> None:
    assert not re.match(FORM, text)


def test_modules_are_found_without_running_their_packages(write: Callable[..., str], monkeypatch) -> None:
    write("raise SystemExit('ran')", "house/__init__.py")
    write("raise SystemExit('ran')", "house/inner/__init__.py")
    write(CODE, "house/inner/own.py")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    found = source("house.inner.own")
    assert found is not None
    assert found.resolve() == Path("house/inner/own.py").resolve()
    assert problem("house.inner.own:plain", {}) is None
    assert not {name for name in sys.modules if name.partition(".")[0] == "house"}
    assert source("house.other") is None
    assert source("sys") is None  # built in: there is no file


@pytest.mark.parametrize(
    ("text", "arguments", "wrong"),
    [
        ("none.py:f", {}, "there is no file none.py"),
        ("lodestone.nothing:f", {}, "no module lodestone.nothing is installed"),
        ("own.py:missing", {}, "own.py defines no missing"),
        ("own.py:length", {}, "own.py defines no length"),
        ("own.py:empty", {}, "empty takes no structure"),
        ("own.py:scaled", {}, "scaled needs the argument scale"),
        ("own.py:scaled", {"scale": 1, "size": 2}, "scaled takes no argument size"),
        ("own.py:scaled", {"atoms": 1}, "scaled takes no argument atoms"),
        ("own.py:needs", {}, "needs needs the argument symprec"),
    ],
)
def test_what_is_wrong_is_found_by_reading(
    write: Callable[..., str], text: str, arguments: dict[str, float], wrong: str
) -> None:
    write("raise SystemExit('ran')\n" + CODE.replace("from __future__ import annotations\n", ""))
    found = problem(text, arguments)
    assert found is not None
    assert found[0] == wrong


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("plain", {}), ("scaled", {"scale": 1}), ("scaled", {"scale": 1, "shift": 2}),
        ("needs", {"symprec": 1}), ("any_key", {"a": 1}), ("once", {}), ("root", {}),
    ],
)  # fmt: skip
def test_what_is_right_is_left_alone(
    write: Callable[..., str], name: str, arguments: dict[str, float]
) -> None:
    assert problem(f"{write()}:{name}", arguments) is None


def test_a_file_that_is_no_python_is_told_as_such(write: Callable[..., str]) -> None:
    found = problem(f"{write('def f(:')}:f", {})
    assert found is not None
    assert "cannot be read as Python" in found[0]


def test_a_function_is_that_of_the_hashed_file(write: Callable[..., str]) -> None:
    name = write()
    known = {name: str(sha256(name))}
    assert load(f"{name}:scaled", known)(None, 1, shift=2) == 3
    assert load(f"{name}:Box", known)(1).side == 1  # dataclasses look their module up
    assert load("textwrap:dedent", {"textwrap": str(sha256("textwrap"))})("  a") == "a"


def test_an_edited_file_is_refused_and_says_so(write: Callable[..., str]) -> None:
    name = write()
    known = {name: str(sha256(name))}
    write(CODE + "print('run me')\n")
    with pytest.raises(FunctionRefusedError, match=r"own.py has changed since the workflow was planned"):
        load(f"{name}:plain", known)
    Path(name).unlink()
    with pytest.raises(FunctionRefusedError, match="is not there any more"):
        load(f"{name}:needs", known)


def test_no_hash_no_run(write: Callable[..., str]) -> None:
    name = write("open('ran', 'w')\ndef f(atoms): return 1\n")
    for known in ({}, {"other.py": str(sha256(name))}):
        with pytest.raises(FunctionRefusedError, match="without permission"):
            load(f"{name}:f", known)
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("import no_such_module\ndef f(atoms): return 1", "ModuleNotFoundError"),
        ("f = 3", "is no function but a int"),
        ("def f(atoms): return 1\ndel f", "AttributeError"),
    ],
)
def test_what_cannot_be_loaded_says_why(write: Callable[..., str], code: str, wrong: str) -> None:
    name = write(code)
    with pytest.raises(FunctionRefusedError, match=wrong):
        load(f"{name}:f", {name: str(sha256(name))})
