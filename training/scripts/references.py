"""Relax the starting structures of one system of the embedded reference set."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path


def main(system: str, state: Path, steps: int, largest_force: float) -> None:
    """Relax and report progress; finished chunks are skipped."""
    import torch

    from lodestone.energies.estimators.chgnet.calculator import ChgnetEstimator
    from training.references.relaxation import relax_in_chunks

    torch.set_num_threads(1)
    begin = time.monotonic()
    for done, total in relax_in_chunks(
        system, ChgnetEstimator(), state, steps=steps, largest_force=largest_force
    ):
        elapsed = time.monotonic() - begin
        print(f"{system}: {done}/{total} chunks, {elapsed:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("system")
    parser.add_argument("--state", type=Path, default=Path("work/embedded/references"))
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--largest-force", type=float, default=0.1, help="eV/Å")
    arguments = parser.parse_args()
    main(arguments.system, arguments.state, arguments.steps, arguments.largest_force)
