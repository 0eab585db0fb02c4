"""Makes MatterGen's released wheel importable where its compiled companions are missing.

The wheel (1.0.3) needs torch_scatter, torch_sparse and emmet-core, uses `np.math`, which NumPy
dropped, and lacks one JSON file of its own. Each function below mends one of these faults and does
nothing where the real thing is present. The stand-ins cover what MatterGen calls, in plain torch.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

MISSING_FILES = Path(__file__).parent / "missing_files"


def install() -> None:
    """Apply every mend; must run before `mattergen` is imported. Safe to call twice."""
    import torch_geometric  # noqa: F401  # decides at import whether the real torch_scatter exists

    restore_numpy_math()
    stand_in("torch_scatter", _SCATTER)
    stand_in("torch_sparse", {"SparseTensor": SparseTensor})
    if not available("emmet.core.material"):
        stand_in("emmet", {})
        stand_in("emmet.core", {})
        stand_in("emmet.core.material", {"PropertyOrigin": object})
    point_to_scale_factors()
    remember_chemical_systems()


def available(name: str) -> bool:
    """Whether a module is installed (or already stood in for), without importing the module."""
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def restore_numpy_math() -> None:
    """Give NumPy its old alias of the standard library's `math`."""
    import numpy as np

    if "math" not in vars(np):
        np.math = math  # type: ignore[attr-defined]


def stand_in(name: str, members: dict[str, Any]) -> None:
    """Register a module called `name` with `members`, unless it is available."""
    if available(name):
        return
    module = ModuleType(name, "Pure torch stand-in, made by lodestone.")
    module.__spec__ = ModuleSpec(name, loader=None, is_package=True)
    module.__path__ = []
    vars(module).update(members)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


def point_to_scale_factors() -> None:
    """Let GemNet find its scale factors, which the wheel forgot to pack."""
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()):  # it prints a path at import
        from mattergen.common.gemnet import gemnet
    wanted = Path(gemnet.MODELS_PROJECT_ROOT) / "common/gemnet/gemnet-dT.json"
    if not wanted.exists():
        gemnet.MODELS_PROJECT_ROOT = MISSING_FILES


def remember_chemical_systems() -> None:
    """Make the multi-hot tensor of a batch's chemical systems once, not once per structure and pass.

    Each time upstream copies one row per structure to the device, twice in a pass.
    """
    from mattergen.property_embeddings import ChemicalSystemMultiHotEmbedding as Embedding

    original = Embedding.sequences_to_multi_hot
    if hasattr(original, "cache_clear"):
        return

    @lru_cache(maxsize=16)  # the sizes of batches of a run
    def remembered(systems: tuple[tuple[str, ...], ...], device: torch.device) -> Tensor:
        found: Tensor = original([list(system) for system in systems], device)
        return found

    def sequences_to_multi_hot(x: list[list[str]], device: torch.device) -> Tensor:
        return remembered(tuple(tuple(system) for system in x), torch.device(device))

    sequences_to_multi_hot.cache_clear = remembered.cache_clear  # type: ignore[attr-defined]
    Embedding.sequences_to_multi_hot = staticmethod(sequences_to_multi_hot)


def scatter(
    src: Tensor,
    index: Tensor,
    dim: int = -1,
    out: None = None,
    dim_size: int | Tensor | None = None,
    reduce: str = "sum",
) -> Tensor:
    """Reduce the entries of `src` that share an index along `dim` (sum, mean, min or max).

    Empty places are 0. `dim_size` may be a 0-d tensor; by default the largest index + 1.
    """
    if out is not None:
        raise NotImplementedError("out is not supported")
    dim = dim % src.dim()
    size = int(dim_size) if dim_size is not None else (int(index.max()) + 1 if index.numel() else 0)
    if index.dim() < src.dim():
        shape = [1] * src.dim()
        shape[dim] = -1
        index = index.reshape(shape)
    index = index.expand_as(src)
    shape = list(src.shape)
    shape[dim] = size
    if reduce in {"sum", "add"}:
        return src.new_zeros(shape).scatter_add_(dim, index, src)
    name = {"mean": "mean", "min": "amin", "max": "amax"}[reduce]
    return src.new_zeros(shape).scatter_reduce_(dim, index, src, name, include_self=False)


def scatter_add(
    src: Tensor, index: Tensor, dim: int = -1, out: None = None, dim_size: int | None = None
) -> Tensor:
    """`scatter` with a sum."""
    return scatter(src, index, dim, out, dim_size, "sum")


def scatter_mean(
    src: Tensor, index: Tensor, dim: int = -1, out: None = None, dim_size: int | None = None
) -> Tensor:
    """`scatter` with a mean."""
    return scatter(src, index, dim, out, dim_size, "mean")


def segment_csr(src: Tensor, indptr: Tensor, out: None = None, reduce: str = "sum") -> Tensor:
    """Reduce the slices indptr[i]:indptr[i + 1] of the first dimension; empty slices give 0."""
    lengths = indptr[1:] - indptr[:-1]
    segment = torch.repeat_interleave(torch.arange(len(lengths), device=src.device), lengths)
    return scatter(src[int(indptr[0]) : int(indptr[-1])], segment, 0, out, len(lengths), reduce)


def segment_coo(
    src: Tensor,
    index: Tensor,
    out: None = None,
    dim_size: int | Tensor | None = None,
    reduce: str = "sum",
) -> Tensor:
    """`scatter` along the first dimension; the index is sorted, which is not needed here."""
    return scatter(src, index, 0, out, dim_size, reduce)


class SparseTensor:
    """Entries of a sparse matrix sorted by row, then column, stably; indexable by rows."""

    def __init__(self, row: Tensor, col: Tensor, value: Tensor, sparse_sizes: tuple[Any, Any]) -> None:
        n_rows, n_columns = (int(torch.as_tensor(s).sum()) for s in sparse_sizes)
        order = torch.argsort(row * n_columns + col, stable=True)
        self._row, self._col, self._value = row[order], col[order], value[order]
        self._sizes = (n_rows, n_columns)

    @property
    def storage(self) -> SparseTensor:
        """The stored entries; `row()`, `col()` and `value()` read them."""
        return self

    def row(self) -> Tensor:
        """Row of each entry."""
        return self._row

    def col(self) -> Tensor:
        """Column of each entry."""
        return self._col

    def value(self) -> Tensor:
        """Value of each entry."""
        return self._value

    def to(self, device: torch.device) -> SparseTensor:
        """The same entries on a device."""
        self._row, self._col = self._row.to(device), self._col.to(device)
        self._value = self._value.to(device)
        return self

    def __getitem__(self, rows: Tensor) -> SparseTensor:
        """The matrix whose i-th row is row `rows[i]` of this one."""
        counts = torch.bincount(self._row, minlength=self._sizes[0])
        starts = torch.cumsum(counts, 0) - counts
        lengths = counts[rows]
        new_row = torch.repeat_interleave(torch.arange(len(rows), device=rows.device), lengths)
        within = torch.arange(len(new_row), device=rows.device) - torch.repeat_interleave(
            torch.cumsum(lengths, 0) - lengths, lengths
        )
        entry = starts[rows][new_row] + within
        picked = SparseTensor.__new__(SparseTensor)
        picked._row, picked._col = new_row, self._col[entry]
        picked._value = self._value[entry]
        picked._sizes = (len(rows), self._sizes[1])
        return picked


_SCATTER = {
    "scatter": scatter,
    "scatter_add": scatter_add,
    "scatter_sum": scatter_add,
    "scatter_mean": scatter_mean,
    "segment_csr": segment_csr,
    "segment_coo": segment_coo,
}
