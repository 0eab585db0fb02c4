"""What a clustering found and cost, and its finished parts on disk, for a killed job to go on after them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from lodestone.runtime.files import write_atomically
from lodestone.structures.crystals import Packed


@dataclass
class Confirmations:
    """How many pairs inside the gate were decided, by what, and in how many seconds.

    `evident` pairs lay on each other, `unequal` ones have primitive cells of different size,
    `excluded` ones meet none of the matcher's own conditions, `matched` ones went through
    StructureMatcher; `same` and `different` are the answers.
    """

    same: int = 0
    different: int = 0
    evident: int = 0
    unequal: int = 0
    excluded: int = 0
    matched: int = 0
    seconds: float = 0.0

    def add(self, other: Confirmations) -> None:
        """Count what another one counted too."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass
class Cost:
    """CPU seconds of fingerprints and of clustering without confirmations, and the confirmations."""

    fingerprints: float = 0.0
    clustering: float = 0.0
    confirmations: Confirmations = field(default_factory=Confirmations)

    def shared(self, cpu: float, wall: float) -> None:
        """Divide CPU seconds of comparing, `wall` seconds long, by the clock of the confirmations.

        Asking for CPU time at every confirmation would cost as much as some of them.
        """
        part = self.confirmations.seconds / wall if wall else 0.0
        self.confirmations.seconds = cpu * part
        self.clustering = cpu * (1 - part)

    def add(self, other: Cost) -> None:
        """Count what another one counted too."""
        self.fingerprints += other.fingerprints
        self.clustering += other.clustering
        self.confirmations.add(other.confirmations)

    def __str__(self) -> str:
        return (
            f"fingerprints {self.fingerprints:.1f}, comparing them {self.clustering:.1f}, "
            f"confirmation {self.confirmations.seconds:.1f}"
        )


@dataclass(frozen=True)
class Clusters:
    """Leaders (n_structures,) by index for each factor of the threshold, and failures by index.

    A structure without a fingerprint leads itself alone.
    """

    leaders: dict[float, np.ndarray]
    failures: dict[int, str]
    cost: Cost = field(default_factory=Cost)

    def unique(self, factor: float = 1.0) -> int:
        """Number of distinct structures at a factor of the threshold."""
        return len(np.unique(self.leaders[factor]))


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
