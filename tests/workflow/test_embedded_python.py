"""`make embedded` works without an activated environment: its `python` is the one that runs Snakemake."""

import os
import subprocess
import sys
from pathlib import Path


def test_python_is_the_one_that_runs_snakemake(root, tmp_path):
    (tmp_path / "Snakefile").write_text(
        f"""include: "{root}/training/Snakefile"

rule which:
    output: "which.txt"
    shell: "python -c 'import sys; print(sys.executable)' > {{output}}"
"""
    )
    command = [sys.executable, "-m", "snakemake", "which.txt", "--cores", "1", "--workflow-profile", "none"]
    environment = {**os.environ, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(root / "src")}
    process = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert process.returncode == 0, process.stderr
    found = Path((tmp_path / "which.txt").read_text().strip())
    assert found.parent == Path(sys.executable).parent
