"""What is packed comes back as it was, to the bit and to the layout; and nothing that is code is taken."""

from __future__ import annotations

import io
import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lodestone.sampling.packed import pack, unpack

PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))
TENSORS = st.builds(
    lambda shape, seed, kind: torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(kind),
    st.lists(st.integers(0, 3), max_size=3),
    st.integers(0, 99),
    st.sampled_from([torch.float32, torch.float64, torch.int64, torch.bool]),
)
VALUES = st.recursive(
    PLAIN | TENSORS | TENSORS.map(lambda t: t.numpy()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        laid_out = one.stride() == other.stride() or one.numel() == 0
        return one.dtype == other.dtype and laid_out and torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and np.array_equal(one, other)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


@given(VALUES)
def test_it_comes_back(value: Any) -> None:
    assert same(value, unpack(pack(value)))


def test_layouts_and_odd_numbers_come_back() -> None:
    base = torch.arange(24.0).reshape(2, 3, 4)
    for tensor in (base.transpose(1, 2), base.permute(2, 0, 1), base[1]):
        found = unpack(pack(tensor))
        assert torch.equal(found, tensor)
        assert found.stride() == tensor.stride()
    for tensor in (base[:, ::2], base[0].expand(5, 3, 4)):
        assert torch.equal(unpack(pack(tensor)), tensor)
    odd = unpack(pack({"x": [math.inf, math.nan, 2**100, -0.0], "y": np.float64(0.1), "z": (1, 2)}))
    assert odd["x"][0] == math.inf
    assert math.isnan(odd["x"][1])
    assert odd["x"][2] == 2**100
    assert math.copysign(1, odd["x"][3]) == -1
    assert odd["y"] == 0.1
    assert odd["z"] == [1, 2]
    assert unpack(pack(np.asfortranarray(base[0].numpy()))).flags.f_contiguous


@pytest.mark.parametrize("value", [object(), {1: 2}, np.array([object()]), {"a": {3, 4}}])
def test_what_is_no_value_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        pack(value)


class Malicious:
    """Pickled, it does something when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("done something",))


def test_no_pickle_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.BytesIO()
    text = np.frombuffer(b'{"\\u001farray": [0, "array", null]}', dtype=np.uint8)
    np.savez(stream, text=text, a0=np.array([Malicious()], dtype=object))
    for content in (stream.getvalue(), pickle.dumps(Malicious()), b"", b"x" * 300):
        with pytest.raises(ValueError, match="not what was packed"):
            unpack(content)
    assert capsys.readouterr().out == ""
