"""`python -m lodestone.energies.estimators.grace build | path`: the embedded model, rebuilt or located."""

from __future__ import annotations

import argparse
import sys

from lodestone.energies.estimators.grace.weights import build, model_folder


def main() -> int:
    """Entry point; prints the folder of the SavedModel."""
    parser = argparse.ArgumentParser(
        prog="python -m lodestone.energies.estimators.grace", description=__doc__
    )
    parser.add_argument("action", choices=["build", "path"])
    folder = build() if parser.parse_args().action == "build" else model_folder()
    sys.stdout.write(f"{folder}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
