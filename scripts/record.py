"""Write down what made the campaign: settings, versions, hashes of weights, references and results."""

from pathlib import Path
from typing import Any


def main(*, references: Path, candidates: Path, settings: dict[str, Any], output: Path) -> None:
    """Write the record as JSON."""
    from lodestone.runtime.files import write_json
    from lodestone.workflow.record import make_record

    write_json(output, make_record(settings, references=references, candidates=candidates))


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
