"""Energies of the symmetrised structures of one arm, by one of the campaign's estimators, unrelaxed."""

from pathlib import Path

from lodestone.columns import Col
from lodestone.energies.settings import EnergySettings


def main(*, symmetrized: Path, screened: Path, settings: EnergySettings, output: Path, state: Path) -> None:
    """Evaluate what passed the screening; the others keep their row, with the reason.

    What made the energies is written beside `output`, as JSON.
    """
    from lodestone.energies.device import insist
    from lodestone.runtime.checkpoints import clear
    from lodestone.runtime.locks import alone

    insist(settings.energy.estimator)  # before a model is loaded
    with alone(state, output) as needed:
        if needed:
            _evaluate(symmetrized, screened, settings, output, state)
            clear(state)


def _evaluate(symmetrized: Path, screened: Path, settings: EnergySettings, output: Path, state: Path) -> None:
    import polars as pl

    from lodestone.energies.evaluation import with_unevaluated
    from lodestone.energies.stage import evaluated
    from lodestone.structures import table

    structures = table.read_table(symmetrized).select(list(table.SCHEMA))
    passed = table.read_table(screened).filter(pl.col(Col.PASSED))["id"].to_list()
    chosen = structures.filter(pl.col("id").is_in(passed))
    found = evaluated(chosen, settings, state=state, stage="energy")
    found.write(with_unevaluated(found.rows, structures["id"].to_list()), output)


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
