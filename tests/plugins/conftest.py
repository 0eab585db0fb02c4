"""Each file of `toys/` as the one new file in a copy of the package, or in another package of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TOYS = Path(__file__).parent / "toys"
FOLDERS = {
    "number_density": "constraints/descriptors",
    "soft_spheres": "energies/estimators",
    "grid": "sampling/samplers",
    "archive": "references/sources",
    "elements": "report/panels",
}
"""Where each toy lies in the package."""
REGISTERED = {
    "descriptors": "number_density = toy.number_density:NumberDensity",
    "estimators": "soft_spheres = toy.soft_spheres:SoftSpheres",
    "samplers": "grid = toy.grid:Grid",
    "sources": "archive = toy.archive:Archive",
    "panels": "elements = toy.elements",
}
"""What a package of its own registers, by group."""
CAMPAIGN = """\
campaign: toys
chemical_system: Co-O
sampling: {structures: 4, seed: 7, atoms: {exactly: 4}}
constraints:
  wanted:
    terms: [{kind: volume_per_atom, target: 10}]
    satisfied_within: 1
"""


@dataclass(frozen=True)
class House:
    """A package with toys: folders of Python's path."""

    path: tuple[Path, ...]

    def call(self, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run Python in a folder, with the toys."""
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, self.path))},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def check(self, folder: Path, text: str) -> tuple[int, str]:
        """What `lodestone check` says of a campaign file of this text: exit code and words."""
        (folder / "toys.yaml").write_text(text)
        done = self.call(folder, "-m", "lodestone", "check", "toys.yaml")
        return done.returncode, done.stdout + done.stderr

    def value(self, folder: Path, code: str) -> Any:
        """What a program prints as JSON."""
        done = self.call(folder, "-c", code)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def houses(tmp_path_factory: pytest.TempPathFactory, root: Path) -> dict[str, House]:
    """The toys as files of a copy of the package, and as modules of another package."""
    folder = tmp_path_factory.mktemp("houses")
    shutil.copytree(root / "src" / "lodestone", folder / "src" / "lodestone")
    for toy, place in FOLDERS.items():
        shutil.copy(TOYS / f"{toy}.py", folder / "src" / "lodestone" / place)
    distribution = folder / "site" / "toy-1.0.dist-info"
    distribution.mkdir(parents=True)
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    groups = [f"[lodestone.{group}]\n{point}\n" for group, point in REGISTERED.items()]
    (distribution / "entry_points.txt").write_text("\n".join(groups))
    shutil.copytree(TOYS, folder / "site" / "toy")
    return {"file": House((folder / "src",)), "package": House((root / "src", folder / "site"))}


@pytest.fixture(params=["file", "package"])
def house(request: pytest.FixtureRequest, houses: dict[str, House]) -> House:
    """Either of them."""
    return houses[request.param]


@pytest.fixture(scope="session")
def campaign() -> Callable[..., str]:
    """Text of a small campaign with some sections changed."""

    def text(**sections: str) -> str:
        import yaml

        changed = {name: yaml.safe_load(section) for name, section in sections.items()}
        return yaml.safe_dump({**yaml.safe_load(CAMPAIGN), **changed}, sort_keys=False)

    return text
