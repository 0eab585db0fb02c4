"""Relax every valid raw structure of one arm for a few steps and judge it again."""

from pathlib import Path

from lodestone.columns import Col
from lodestone.constraints.settings import RelaxSettings

CHUNK = 64


NO_HULL: list[Path] = []  # no term needs one


def main(
    *,
    samples: list[Path],
    measured: Path,
    settings: RelaxSettings,
    output: Path,
    state: Path,
    hull: list[Path] = NO_HULL,
) -> None:
    """Write one row per raw structure: relaxed structure, energies, forces, persistence.

    `hull` holds the references and their energies, where a term needs them.
    """
    from lodestone.energies.device import insist
    from lodestone.runtime.checkpoints import clear
    from lodestone.runtime.locks import alone

    insist(settings.energy.estimator)  # before a model is loaded
    with alone(state, output) as needed:
        if needed:
            _relax(samples, measured, settings, output, state, hull)
            clear(state)


def _relax(
    samples: list[Path],
    measured: Path,
    settings: RelaxSettings,
    output: Path,
    state: Path,
    hull: list[Path],
) -> None:
    import polars as pl

    from lodestone.constraints import persistence
    from lodestone.constraints.context import context_of
    from lodestone.energies.estimators import estimator_and_guards
    from lodestone.runtime.checkpoints import in_chunks
    from lodestone.runtime.progress import reporter
    from lodestone.structures import table

    structures = pl.concat([table.read_table(p).select(list(table.SCHEMA)) for p in samples])
    judged, given = table.read_table(measured), settings.params()
    estimator, guards = estimator_and_guards(given)
    wanted = settings.energy.relax
    relaxed = in_chunks(
        structures.filter(judged[Col.VALID]),
        lambda rows: persistence.relax_rows(
            rows, estimator, guards, steps=wanted.steps, largest_force=wanted.largest_force
        ),
        size=CHUNK,
        state=state,
        key={name: value for name, value in given.items() if name not in ("constraints", "potentials")},
        progress=reporter("relax", resumes=True),
    )
    whole = persistence.assemble(structures, judged, relaxed)
    constraints = persistence.parsed_constraints(given["constraints"], context_of(given, hull))
    table.write_table(persistence.judge_again(whole, judged, constraints, persistence.is_valid), output)


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
