"""The stand-ins for MatterGen's compiled companions against looped definitions."""

from __future__ import annotations

import math
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestone.sampling.mattergen import compat

INDICES = st.lists(st.integers(0, 5), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(INDICES, st.sampled_from(["sum", "mean", "min", "max"]), st.booleans())
def test_scatter_is_a_loop(index: list[int], reduce: str, wide: bool) -> None:
    src = torch.randn(len(index), 3) if wide else torch.randn(len(index))
    found = compat.scatter(src, torch.tensor(index), dim=0, dim_size=7, reduce=reduce)
    operation = {"sum": np.sum, "mean": np.mean, "min": np.min, "max": np.max}[reduce]
    for place in range(7):
        rows = src[[k for k, i in enumerate(index) if i == place]].numpy()
        expected = operation(rows, axis=0) if len(rows) else np.zeros(src.shape[1:])
        assert np.allclose(found[place].numpy(), expected, atol=1e-6)


def test_scatter_defaults_to_the_last_dimension() -> None:
    src = torch.arange(6.0).reshape(2, 3)
    found = compat.scatter(src, torch.tensor([0, 1, 0]))
    assert found.tolist() == [[2.0, 1.0], [8.0, 4.0]]


def test_scatter_takes_a_tensor_as_size_and_an_empty_source() -> None:
    assert compat.scatter(torch.ones(2), torch.tensor([0, 0]), dim_size=torch.tensor(3)).tolist() == [2, 0, 0]
    assert compat.scatter(torch.ones(0), torch.zeros(0, dtype=torch.long)).shape == (0,)


def test_scatter_is_differentiable() -> None:
    src = torch.randn(4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: compat.scatter(x, torch.tensor([0, 1, 1, 0])), src)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=6))
def test_segment_csr_sums_slices(lengths: list[int]) -> None:
    indptr = torch.tensor([0, *np.cumsum(lengths).tolist()])
    src = torch.randn(int(indptr[-1]), 2)
    found = compat.segment_csr(src, indptr)
    assert len(found) == len(lengths)
    for k in range(len(lengths)):
        assert torch.allclose(found[k], src[indptr[k] : indptr[k + 1]].sum(dim=0), atol=1e-6)


def test_segment_coo_counts() -> None:
    found = compat.segment_coo(torch.ones(4, dtype=torch.int), torch.tensor([0, 0, 2, 2]), dim_size=4)
    assert found.tolist() == [2, 0, 2, 0]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=10),
    st.lists(st.integers(0, 3), min_size=1, max_size=6),
)
def test_sparse_rows_are_a_loop(entries: list[tuple[int, int]], rows: list[int]) -> None:
    row, col = (torch.tensor(x) for x in zip(*entries, strict=True))
    value = torch.arange(len(entries))
    sizes = (torch.tensor([1, 3]), torch.tensor([4]))  # upstream passes atoms per structure
    picked = compat.SparseTensor(row=row, col=col, value=value, sparse_sizes=sizes)[torch.tensor(rows)]
    expected = [
        (k, c, v)
        for k, wanted in enumerate(rows)
        for c, v in sorted(
            ((c, v) for v, (r, c) in enumerate(entries) if r == wanted), key=lambda pair: pair[0]
        )
    ]
    storage = picked.storage
    found = zip(storage.row().tolist(), storage.col().tolist(), storage.value().tolist(), strict=True)
    assert list(found) == expected


def test_nothing_happens_where_the_real_module_is(monkeypatch: pytest.MonkeyPatch) -> None:
    real = ModuleType("torch_scatter_for_this_test")
    monkeypatch.setitem(sys.modules, real.__name__, real)
    compat.stand_in(real.__name__, {"scatter": compat.scatter})
    assert sys.modules[real.__name__] is real
    assert not hasattr(real, "scatter")


def test_a_stand_in_looks_like_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "absent_for_this_test", raising=False)
    compat.stand_in("absent_for_this_test", {"x": 1})
    module = sys.modules.pop("absent_for_this_test")
    assert module.__spec__ is not None
    assert module.x == 1


def test_numpy_keeps_its_own_math(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "math", "real", raising=False)
    compat.restore_numpy_math()
    assert vars(np)["math"] == "real"
    monkeypatch.delattr(np, "math")
    compat.restore_numpy_math()
    assert vars(np)["math"] is math


def test_scale_factors_are_found() -> None:
    compat.install()
    from mattergen.common.gemnet import gemnet
    from mattergen.common.gemnet.utils import read_value_json

    path = f"{gemnet.MODELS_PROJECT_ROOT}/common/gemnet/gemnet-dT.json"
    assert read_value_json(path, "OutBlock_3_had") == pytest.approx(13.48, abs=0.01)


def test_present_scale_factors_are_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    compat.install()
    from pathlib import Path

    from mattergen.common.gemnet import gemnet

    own = Path(str(tmp_path))
    (own / "common/gemnet").mkdir(parents=True)
    (own / "common/gemnet/gemnet-dT.json").write_text("{}")
    monkeypatch.setattr(gemnet, "MODELS_PROJECT_ROOT", own)
    compat.point_to_scale_factors()
    assert own == gemnet.MODELS_PROJECT_ROOT
