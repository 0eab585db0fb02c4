"""Packages import downwards only: the ordered list is [tool.importlinter] in pyproject.toml."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

LINT = Path(sys.executable).with_name("lint-imports")
UPWARDS = {
    "lazy": "def later():\n    from lodestone.cli import main\n\n    return main\n",
    "for types only": (
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from lodestone.config import Campaign\n"
    ),
}


def lint(folder):
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    command = [str(LINT), "--no-cache"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_every_package_imports_only_from_those_below_it(root):
    found = lint(root)
    assert found.returncode == 0, found.stdout


def test_every_package_has_its_place(root):
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    listed = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    package = root / "src" / "lodestone"
    there = [
        path.stem for path in package.iterdir() if (path / "__init__.py").is_file() or path.suffix == ".py"
    ]
    assert sorted(listed) == sorted(set(there) - {"__init__"})


@pytest.mark.parametrize("kind", UPWARDS)
def test_an_import_upwards_is_seen(kind, root, tmp_path):
    shutil.copytree(root / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "embedded"))
    (tmp_path / "src" / "lodestone" / "embedded").mkdir()
    shutil.copy(root / "src/lodestone/embedded/__init__.py", tmp_path / "src/lodestone/embedded")
    shutil.copy(root / "pyproject.toml", tmp_path)
    with (tmp_path / "src" / "lodestone" / "text.py").open("a", encoding="utf-8") as file:
        file.write(f"\n\n{UPWARDS[kind]}")
    found = lint(tmp_path)
    assert found.returncode == 1
    assert "lodestone.text is not allowed to import" in found.stdout, found.stdout
