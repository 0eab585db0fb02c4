"""A plugin that is not what it promises is told in one message, with its name and the fix."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

POINTS = {
    "module_missing": (
        "[lodestone.estimators]\nmine = broken.nowhere:Mine\n",
        "mine = broken.nowhere:Mine in lodestone.estimators of broken cannot be loaded: ModuleNotFoundError",
    ),
    "no_model": (
        "[lodestone.descriptors]\nmine = pathlib:Path\n",
        "is no model derived from lodestone.constraints.term.Term with a `kind`",
    ),
    "taken": (
        "[lodestone.estimators]\nmine = lodestone.energies.estimators.chgnet:Chgnet\n",
        "kind 'chgnet' is taken by lodestone.energies.estimators.chgnet; choose another name",
    ),
}


@pytest.mark.parametrize("case", POINTS)
def test_a_broken_entry_point_is_named(case, campaign, tmp_path, root):
    points, wanted = POINTS[case]
    distribution = tmp_path / "site" / "broken-1.0.dist-info"
    distribution.mkdir(parents=True)
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (distribution / "entry_points.txt").write_text(points)
    (tmp_path / "toys.yaml").write_text(campaign())
    done = subprocess.run(
        [sys.executable, "-m", "lodestone", "check", "toys.yaml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "src"), str(distribution.parent)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert wanted in done.stderr
    assert "Traceback" not in done.stderr
