"""Finished parts of a clustering on disk, so that a job that was killed goes on after them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from lodestone.curation.found import Clusters, Confirmations, Cost
from lodestone.curation.packed import Packed
from lodestone.files import write_atomically

DAMAGED = (OSError, ValueError, KeyError, TypeError, BadZipFile)


def folder(state: Path, crystals: Packed, settings: object) -> Path:
    """The folder of the parts of these crystals under these settings; of no others."""
    digest = hashlib.sha256(repr(settings).encode())
    for values in (crystals.sizes, crystals.numbers, crystals.cells, crystals.frac):
        digest.update(np.ascontiguousarray(values).tobytes())
    return state / digest.hexdigest()[:16]


def save(found: Clusters, path: Path) -> None:
    """Write one part, atomically."""
    arrays = {
        "leaders": np.stack(list(found.leaders.values())),
        "failed": np.array(list(found.failures), dtype=np.int64),
        "reasons": np.array(list(found.failures.values()), dtype=np.str_),
        "cost": np.array(json.dumps(asdict(found.cost))),
    }

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)

    write_atomically(path, write)


def load(path: Path, n: int, factors: Sequence[float]) -> Clusters | None:
    """One part of n crystals; None where it is not there or damaged."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            leaders, cost = file["leaders"], json.loads(str(file["cost"]))
            failures = dict(zip(file["failed"].tolist(), file["reasons"].tolist(), strict=True))
        if leaders.shape != (len(factors), n):
            return None
        confirmations = Confirmations(**cost.pop("confirmations"))
        return Clusters(
            dict(zip(factors, leaders, strict=True)), failures, Cost(**cost, confirmations=confirmations)
        )
    except DAMAGED:
        return None
