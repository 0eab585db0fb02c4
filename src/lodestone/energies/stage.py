"""The energies of a table by one estimator, in chunks that survive a kill, and what made them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lodestone.columns import Col
from lodestone.energies import identity
from lodestone.energies.estimators import estimator_and_guards
from lodestone.energies.estimators.base import MissingModelError
from lodestone.energies.evaluation import SCHEMA, energies
from lodestone.energies.settings import EnergySettings
from lodestone.runtime.checkpoints import in_chunks
from lodestone.runtime.progress import reporter
from lodestone.runtime.signals import Stopped
from lodestone.structures import table

CHUNK = 512  # structures; what a kill loses at most, and what is in memory at once


@dataclass(frozen=True)
class Evaluated:
    """One row per structure (`evaluate.SCHEMA`), and the estimator that made them."""

    rows: pl.DataFrame
    maker: identity.Identity

    def write(self, rows: pl.DataFrame, output: Path) -> None:
        """Write a table of these energies and, first, what made them beside it."""
        failed = rows[Col.ENERGY_FAILURE].is_not_null().sum()
        identity.write(self.maker | {"structures": len(rows), "without_energy": int(failed)}, output)
        table.write_table(rows, output)


def evaluated(structures: pl.DataFrame, settings: EnergySettings, *, state: Path, stage: str) -> Evaluated:
    """Energies of structures by the estimator of a stage's settings.

    With `optional: true` an estimator that cannot be had, or that breaks down, costs only its own energies:
    every row then has the reason, and so has what is recorded.
    """
    wanted = settings.energy.estimator
    try:
        return _evaluated(structures, settings, state, stage)
    except Exception as error:
        if not settings.optional or not _of_the_estimator(error):
            raise
        reason = " ".join(f"no {wanted['kind']} estimator: {type(error).__name__}: {error}".split())
        rows = structures.select(
            "id",
            pl.lit(None, dtype=pl.Float64).alias(Col.ENERGY_PER_ATOM),
            pl.lit(reason).alias(Col.ENERGY_FAILURE),
        )
        maker = {"name": wanted["kind"], "kind": wanted["kind"], "settings": dict(wanted), "failure": reason}
        return Evaluated(rows.select(list(SCHEMA)), maker)


def _of_the_estimator(error: Exception) -> bool:
    """Whether an error is the estimator's: not a full disk, nor that the job was asked to stop."""
    if isinstance(error, MissingModelError):
        return True
    return not isinstance(error, OSError | Stopped | identity.OtherModelError)


def _evaluated(structures: pl.DataFrame, settings: EnergySettings, state: Path, stage: str) -> Evaluated:
    estimator, guards = estimator_and_guards(settings.params())
    maker = identity.identity(settings.energy.estimator, estimator)
    identity.verify(maker, settings.assets)
    rows = in_chunks(
        structures,
        lambda chunk: energies(chunk, estimator, guards),
        size=CHUNK,
        state=state,
        key={**settings.params(), "sha256": maker["sha256"]},
        progress=reporter(stage, resumes=True, things="structures"),
    )
    return Evaluated(rows, maker)
