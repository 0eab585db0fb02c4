"""Labelled structures as padded batches of one shape, so that the training step compiles once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.structures import table

if TYPE_CHECKING:
    import polars as pl

    from lodestone.energies.estimators.grace.weights import Architecture

Sample = dict[str, np.ndarray]
# What matters most is the energy of minima; random positions only have to be high and repulsive.
ENERGY_WEIGHTS = {"relaxed": 3.0, "strained": 2.0, "random": 0.3}
FORCE_WEIGHTS = {"random": 0.5}


@dataclass(frozen=True)
class Capacity:
    """The shape of a batch: structures, atoms and bonds, one of each being padding."""

    structures: int
    atoms: int
    bonds: int


class Builder:
    """The package's data builders for energies, forces and stresses."""

    def __init__(self, architecture: Architecture) -> None:
        from tensorpotential.data.databuilder import (
            GeometricalDataBuilder,
            ReferenceEnergyForcesStressesDataBuilder,
        )

        elements = {symbol: i for i, symbol in enumerate(architecture.elements)}
        self._builders = [
            GeometricalDataBuilder(elements, cutoff=architecture.cutoff, is_fit_stress=True),
            ReferenceEnergyForcesStressesDataBuilder(is_fit_stress=True),
        ]

    def samples(self, labels: pl.DataFrame) -> list[Sample]:
        """One sample per row of a label table (energy in eV, forces in eV/Å, stress in eV/Å³)."""
        rows = labels.select("kind", "energy", "forces", "stress").rows()
        return [
            self._sample(i, atoms, *row)
            for i, (atoms, row) in enumerate(zip(table.to_ase(labels), rows, strict=True))
        ]

    def _sample(
        self,
        index: int,
        atoms: Any,
        kind: str,
        energy: float,
        forces: list[float],
        stress: list[float],
    ) -> Sample:
        from tensorpotential import constants

        geometry, reference = self._builders
        volume = atoms.get_volume()
        virial = -np.reshape(stress, (3, 3))[[0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]] * volume
        n_atoms = len(atoms)
        return geometry.extract_from_ase_atoms(atoms) | {
            constants.DATA_REFERENCE_ENERGY: np.array([[energy]]),
            constants.DATA_REFERENCE_FORCES: np.reshape(forces, (n_atoms, 3)),
            constants.DATA_STRUCTURE_ID: np.array([[index]]),
            constants.DATA_REFERENCE_VIRIAL: virial.reshape(1, 6),
            constants.DATA_VOLUME: np.array([[volume]]),
            reference.energy_weight: np.full((1, 1), ENERGY_WEIGHTS.get(kind, 1.0)),
            reference.force_weight: np.full((n_atoms, 1), FORCE_WEIGHTS.get(kind, 1.0)),
            reference.virial_weight: np.ones((1, 1)),
        }

    def batch(self, samples: list[Sample], capacity: Capacity, keys: list[str]) -> dict[str, Any]:
        """Join samples and pad them to the capacity; only `keys` are returned, as tensors."""
        import tensorflow as tf
        from tensorpotential import constants

        shape = {
            constants.PAD_MAX_N_STRUCTURES: capacity.structures,
            constants.PAD_MAX_N_ATOMS: capacity.atoms,
            constants.PAD_MAX_N_NEIGHBORS: capacity.bonds,
        }
        joined: dict[str, np.ndarray] = {}
        for builder in self._builders:
            part = builder.join_to_batch(samples)
            joined |= part
        for builder in self._builders:
            builder.pad_batch(joined, shape)
        # The package pads volumes with the largest float, whose square overflows in gradients.
        volume = joined[constants.DATA_VOLUME]
        joined[constants.DATA_VOLUME] = np.where(volume > 1e12, 1.0, volume)
        return {key: tf.convert_to_tensor(_narrow(np.asarray(joined[key])), name=key) for key in keys}


def size(sample: Sample) -> tuple[int, int]:
    """Atoms and bonds of a sample."""
    return int(sample["batch_tot_nat_real"]), int(sample["n_neigh_real"])


def pack(samples: list[Sample], order: np.ndarray, capacity: Capacity) -> list[list[int]]:
    """Fill batches in the given order, each as full as the capacity allows."""
    batches: list[list[int]] = []
    atoms = bonds = 0
    for i in order:
        n_atoms, n_bonds = size(samples[i])
        atoms, bonds = atoms + n_atoms, bonds + n_bonds
        full = batches and len(batches[-1]) + 1 >= capacity.structures
        if not batches or full or atoms >= capacity.atoms or bonds > capacity.bonds:
            batches.append([])
            atoms, bonds = n_atoms, n_bonds
        batches[-1].append(int(i))
    return batches


def _narrow(array: np.ndarray) -> np.ndarray:
    return array.astype(np.int32) if array.dtype.kind == "i" else array
