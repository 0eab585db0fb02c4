"""GRACE (Bochkarev et al., Phys. Rev. X 14, 021036, 2024) in batches, through `tensorpotential`.

The package's calculator takes one structure at a time. Here many are joined into one evaluation by
the package's own data builder; atomic energies and pair forces are then summed per structure.
A model compiles once per shape of its input (seconds), so batches are filled to one capacity and
padded to it; a last, small one is padded to a fraction of it, and a structure beyond the capacity, which is
alone, to the next of finer steps. The shape depends on nothing but the batch itself, so a rerun meets the
same numbers.

A batch that does not fit into memory halves the capacity. On the host, where the kernel would end the job
instead of raising, what a batch will take is estimated: it grows with the padded shape, and how steeply is
known of the embedded model and measured of any other, before the first shape that may be too large.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.energies.estimators.grace.models import EMBEDDED, model_hash, model_path
from lodestone.energies.estimators.grace.tensorflow import load_tensorflow, silence
from lodestone.energies.evaluation import Evaluation
from lodestone.runtime.files import file_hash
from lodestone.runtime.fitting import fitted
from lodestone.runtime.headroom import available, peak_of, require
from lodestone.runtime.memory import is_exhausted
from lodestone.runtime.remembered import remembered

if TYPE_CHECKING:
    from ase import Atoms

Sample = dict[str, np.ndarray]
ATOMS, BONDS = 8, 256  # of a typical structure; `batch_size` of them are the capacity of a batch
STEP = 4  # between the padded shapes up to the capacity
GROWTH = 1.25  # between those beyond it: the memory of one structure, which nothing shares
BYTES = {True: 7_000.0, False: 2_500.0}  # of the embedded model per padded bond, with forces and without
COMPILING = 150e6  # bytes, beside those of a shape that is new
MARGIN = 1.25  # of an estimate
LARGEST = 1e6  # bytes per padded bond that no model takes; where this fits, nothing is measured


class GraceEstimator:
    """A GRACE SavedModel: `embedded`, a folder, or the name of a published model.

    `elements` are the symbols it covers, `cutoff` (Å) how far it sees, `file_hash` the SHA-256 of
    its folder. Runs on a GPU where TensorFlow finds one.
    """

    def __init__(self, model: str = "embedded", batch_size: int = 32) -> None:
        """Load a model; a batch holds as many atoms and bonds as `batch_size` small structures."""
        folder = model_path(model)
        load_tensorflow()
        with silence():
            from tensorpotential.calculator import TPCalculator

            calculator = TPCalculator(str(folder), enable_uq_if_available=False)
        self.name = f"grace-{folder.name if model != 'embedded' else model}"
        self.folder = folder
        self.elements = frozenset(str(symbol) for symbol in calculator.element_map)
        self.cutoff = float(calculator.cutoff)
        self._known = remembered("grace", self._device)
        self.batch_size = self._known.most(batch_size) if self._known else batch_size
        self._model = calculator.models[0]
        self._builders = calculator.data_builders
        self._keys = calculator.data_keys
        self._published = model
        self._bytes: dict[bool, float | None] = dict(BYTES) if model == EMBEDDED else {}
        self._met: set[tuple[bool, tuple[int, int]]] = set()  # of energies, padded shape: the first compiles
        self._forward: Callable[[dict[str, Any]], Any] | None = load_tensorflow().function(
            lambda data: self._model.compute(data)["atomic_energy"], jit_compile=True
        )

    @property
    def file_hash(self) -> str:
        """SHA-256 of the files of the model, of the weights where it is rebuilt from them."""
        if self._published == EMBEDDED:
            from lodestone.embedded import WEIGHTS

            return file_hash(WEIGHTS)
        return model_hash(self.folder)

    @property
    def described(self) -> dict[str, Any]:
        """What is recorded of it."""
        kinds = {v.dtype.name for v in self._model.signatures["compute"].variables if v.dtype.is_floating}
        return {
            "model": self._published, "sha256": self.file_hash, "package": "tensorpotential",
            "device": "cpu" if self._device == "cpu" else "gpu", "precision": "+".join(sorted(kinds)) or None,
        }  # fmt: skip

    @property
    def _capacity(self) -> tuple[int, int]:
        """The most atoms and bonds of a batch."""
        return self.batch_size * ATOMS, self.batch_size * BONDS

    def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        """Evaluate structures in batches of like size, largest first; the order is kept.

        One that does not fit into memory alone is failed, with the reason.
        """
        samples = [self._sample(atoms) for atoms in structures]

        def call(batch: list[int]) -> list[Evaluation]:
            found = self._evaluate_batch([samples[i] for i in batch])
            return [_with_stress(e, structures[i].get_volume()) for i, e in zip(batch, found, strict=True)]

        return self._fitted(samples, call)

    def energy_only(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        """Energies in the same batches; what only forces need is not computed."""
        samples = [self._sample(atoms) for atoms in structures]

        def call(batch: list[int]) -> list[Evaluation]:
            energies, atom, found = self._atomic_energies([samples[i] for i in batch]), 0, []
            for i in batch:
                n_atoms = _atoms(samples[i])
                energy = float(energies[atom : atom + n_atoms].sum())
                found.append(Evaluation.energy_alone(n_atoms, energy))
                atom += n_atoms
            return found

        return self._fitted(samples, call)

    def _fitted(
        self, samples: list[Sample], call: Callable[[list[int]], list[Evaluation]]
    ) -> list[Evaluation]:
        """Evaluations by `call`, in batches that shrink where one does not fit."""

        def batches(chosen: list[int]) -> list[list[int]]:
            return [[chosen[i] for i in batch] for batch in self._batches([samples[i] for i in chosen])]

        def halve(batch: list[int]) -> bool:
            (atoms, bonds), (most_atoms, most_bonds) = _size([samples[i] for i in batch]), self._capacity
            if self.batch_size == 1 or max(atoms / most_atoms, bonds / most_bonds) > 1:
                return False  # it is alone, and padded to little more than its own size
            self.batch_size //= 2
            if self._known is not None:
                self._known.lower(self.batch_size)
            return True

        def lost(i: int, reason: str) -> Evaluation:
            return Evaluation.failed(_atoms(samples[i]), f"{self.name}: {reason}")

        return fitted(len(samples), batches, call, halve=halve, lost=lost)

    def _batches(self, samples: list[Sample]) -> list[list[int]]:
        """Indices of samples, largest first, packed up to the capacity."""
        most_atoms, most_bonds = self._capacity
        batches: list[list[int]] = []
        atoms = bonds = 0
        for i in np.argsort([-_bonds(sample) for sample in samples], kind="stable"):
            atoms, bonds = atoms + _atoms(samples[i]), bonds + _bonds(samples[i])
            if not batches or atoms >= most_atoms or bonds > most_bonds:
                batches.append([])
                atoms, bonds = _atoms(samples[i]), _bonds(samples[i])
            batches[-1].append(int(i))
        return batches

    def _sample(self, atoms: Atoms) -> Sample:
        sample: Sample = {}
        for builder in self._builders:
            sample |= builder.extract_from_ase_atoms(atoms)
        return sample

    def _evaluate_batch(self, samples: list[Sample]) -> list[Evaluation]:
        """Energies (eV), forces (eV/Å) and virials (eV, in the place of the stress) of a batch."""
        self._require(samples, forces=True)
        batch = self._joined(samples)
        vectors = batch["bond_vector"]
        output = self._compute(batch)
        pair_forces = output.get("z_pair_f")
        if pair_forces is None and len(samples) > 1:
            # An older export without pair forces knows only the virial of everything it was given.
            return [self._evaluate_batch([sample])[0] for sample in samples]
        energies = _flat(output["atomic_energy"])
        forces = output["total_f"].numpy().astype(float)
        evaluations, atom, bond = [], 0, 0
        for sample in samples:
            n_atoms, n_bonds = _atoms(sample), _bonds(sample)
            here = slice(bond, bond + n_bonds)
            virial = (
                _full(output["virial"].numpy())
                if pair_forces is None
                else vectors[here].T @ pair_forces.numpy()[here]
            )
            evaluations.append(
                Evaluation(
                    energy=float(energies[atom : atom + n_atoms].sum()),
                    forces=forces[atom : atom + n_atoms],
                    stress=-(virial + virial.T) / 2,
                )
            )
            atom, bond = atom + n_atoms, bond + n_bonds
        return evaluations

    def _joined(self, samples: list[Sample], shape: tuple[int, int] | None = None) -> Sample:
        from tensorpotential import constants

        joined: Sample = {}
        for builder in self._builders:
            joined |= builder.join_to_batch(samples)
        atoms, bonds = shape or self._shape(*_size(samples))
        padded = {
            constants.PAD_MAX_N_STRUCTURES: len(samples) + 1,
            constants.PAD_MAX_N_ATOMS: atoms,
            constants.PAD_MAX_N_NEIGHBORS: bonds,
        }
        for builder in self._builders:
            builder.pad_batch(joined, padded)
        return joined

    def _shape(self, atoms: int, bonds: int) -> tuple[int, int]:
        """The smallest shape that holds a batch: the capacity, a power of `STEP` below, of `GROWTH` above."""
        most_atoms, most_bonds = self._capacity
        level = max(atoms / most_atoms, bonds / most_bonds, STEP**-2)
        step = STEP if level <= 1 else GROWTH
        factor = step ** math.ceil(math.log(level, step) - 1e-9)
        return math.ceil(most_atoms * factor), math.ceil(most_bonds * factor)

    def _require(self, samples: list[Sample], *, forces: bool) -> None:
        """Raise TooLargeError where the host's memory does not suffice; a GPU says so by itself."""
        shape = self._shape(*_size(samples))
        if self._device != "cpu" or (not forces, shape) in self._met:  # what ran once fits
            return
        left = available()
        if left is None or shape[1] * LARGEST + COMPILING < left:
            return
        if (per_bond := self._per_bond(forces=forces)) is not None:
            atoms, bonds = sum(map(_atoms, samples)), sum(map(_bonds, samples))
            what = f"{atoms} atoms with {bonds} bonds"
            require(MARGIN * per_bond * shape[1] + COMPILING, what)

    def _per_bond(self, *, forces: bool) -> float | None:
        """Bytes per padded bond; of a model that is not the embedded one measured, once."""
        if forces not in self._bytes:
            self._bytes[forces] = self.measured_bytes(forces=forces)
        return self._bytes[forces]

    def measured_bytes(self, *, forces: bool) -> float | None:
        """Bytes per padded bond that a call takes here, by trying; None where the kernel does not tell.

        Padding costs what atoms cost, so a crystal of one atom, padded, stands for all. The first try is
        small; the second, of the capacity, is nearer to the truth.
        """
        found: float | None = None
        for part in (STEP**-2, 1):
            left = available()
            shape = math.ceil(self._capacity[0] * part), math.ceil(self._capacity[1] * part)
            if found is not None and left is not None and MARGIN * found * shape[1] > left / 2:
                break
            taken = self._measured(shape, forces=forces)
            found = None if taken is None else taken / shape[1]
        return found

    def _measured(self, shape: tuple[int, int], *, forces: bool) -> int | None:
        """Bytes that a call of a padded shape takes, once it is compiled."""
        from ase import Atoms

        edge = 0.6 * self.cutoff  # Å
        crystal = Atoms([min(self.elements)], cell=[edge] * 3, pbc=True)
        batch = self._joined([self._sample(crystal)], shape)
        call = partial(self._compute if forces else self._energies, batch)
        call()
        told = load_tensorflow().config.experimental
        # An allocator that keeps what it once took, as TensorFlow's of a processor with AVX512_VNNI does,
        # hides the peak from the kernel, but tells it; the plain one tells nothing (ValueError).
        with contextlib.suppress(ValueError):
            told.reset_memory_stats("CPU:0")
        found = peak_of(call)
        with contextlib.suppress(ValueError):
            found = max(found or 0, int(told.get_memory_info("CPU:0")["peak"]))
        return found

    @cached_property
    def _device(self) -> str:
        """The kind of GPU that TensorFlow takes, or cpu."""
        config = load_tensorflow().config
        gpus = config.list_physical_devices("GPU")
        if not gpus:
            return "cpu"
        return str(config.experimental.get_device_details(gpus[0]).get("device_name", "gpu"))

    def _atomic_energies(self, samples: list[Sample]) -> np.ndarray:
        """Energies of the atoms of a batch (eV), by the model without its backward half.

        That half is cut out by compiling the model anew; one that cannot be compiled is used whole.
        """
        self._require(samples, forces=False)
        return _flat(self._energies(self._joined(samples)))

    def _energies(self, batch: Sample) -> Any:
        if self._forward is not None:
            try:
                return self._call(self._forward, batch)
            except _refusals() as error:
                if is_exhausted(error):
                    raise
            self._forward = None
        return self._compute(batch)["atomic_energy"]

    def _compute(self, batch: Sample) -> dict[str, Any]:
        found: dict[str, Any] = self._call(self._model.compute, batch)
        return found

    def _call(self, function: Callable[[dict[str, Any]], Any], batch: Sample) -> Any:
        tf = load_tensorflow()
        data = {key: tf.convert_to_tensor(_narrow(np.asarray(batch[key]))) for key in self._keys}
        shape = function is self._forward, (len(batch["atomic_mu_i"]), len(batch["bond_vector"]))
        with contextlib.nullcontext() if shape in self._met else silence():
            self._met.add(shape)
            return function(data)


def _refusals() -> tuple[type[Exception], ...]:
    """What TensorFlow raises where it cannot compile a function as a whole."""
    errors = load_tensorflow().errors
    return errors.InvalidArgumentError, errors.UnimplementedError, errors.InternalError


def _flat(tensor: Any) -> np.ndarray:
    array: np.ndarray = tensor.numpy().reshape(-1).astype(float)
    return array


def _with_stress(evaluation: Evaluation, volume: float) -> Evaluation:
    return Evaluation(evaluation.energy, evaluation.forces, evaluation.stress / volume)


def _full(voigt: np.ndarray) -> np.ndarray:
    """xx, yy, zz, xy, xz, yz as a symmetric (3, 3) array."""
    xx, yy, zz, xy, xz, yz = voigt.reshape(-1).astype(float)
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def _size(samples: list[Sample]) -> tuple[int, int]:
    """Atoms and bonds of a batch; the padding needs an atom of its own."""
    return sum(map(_atoms, samples)) + 1, sum(map(_bonds, samples))


def _atoms(sample: Sample) -> int:
    return len(sample["atomic_mu_i"])


def _bonds(sample: Sample) -> int:
    return len(sample["bond_vector"])


def _narrow(array: np.ndarray) -> np.ndarray:
    return array.astype(np.int32) if array.dtype.kind == "i" else array
