"""Write down what made the campaign: settings, versions, hashes of weights, references and results."""

from pathlib import Path

from lodestone.workflow.script_settings import WholeSettings


def main(*, references: Path, candidates: Path, settings: WholeSettings, output: Path) -> None:
    """Write the record as JSON."""
    from lodestone.runtime.files import write_json
    from lodestone.workflow.record import make_record

    write_json(output, make_record(settings.params(), references=references, candidates=candidates))


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
