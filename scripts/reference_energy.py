"""Energies of the reference structures by one of the campaign's estimators: both sides share its errors."""

from pathlib import Path

from lodestone.energies.settings import EnergySettings


def main(*, references: Path, settings: EnergySettings, output: Path, state: Path) -> None:
    """Evaluate every reference; what cannot be evaluated keeps its row, with the reason.

    What made the energies is written beside `output`, as JSON.
    """
    from lodestone.energies.device import insist
    from lodestone.runtime.checkpoints import clear
    from lodestone.runtime.locks import alone

    insist(settings.energy.estimator)  # before a model is loaded
    with alone(state, output) as needed:
        if needed:
            _evaluate(references, settings, output, state)
            clear(state)


def _evaluate(references: Path, settings: EnergySettings, output: Path, state: Path) -> None:
    from lodestone.energies.stage import evaluated
    from lodestone.structures import table

    known = table.read_table(references).select(list(table.SCHEMA))
    found = evaluated(known, settings, state=state, stage="reference_energy")
    found.write(found.rows, output)


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
