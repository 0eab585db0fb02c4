"""What a loop remembers, as bytes: JSON with the tensors and arrays in it beside it, in NumPy's own format.

Nothing in it is code: no pickle is written, and none is read.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

MARK = "\x1farray"  # key of the place that an array has left; no name begins like this
ARRAY, HOST, DEVICE = "array", "host", "device"


def pack(value: Any) -> bytes:
    """Numbers, words, lists, mappings with words as keys, arrays and tensors, as bytes.

    Raises:
        TypeError: anything else, or keys that are not words.
    """
    arrays: list[np.ndarray] = []
    text = json.dumps(_taken_out(value, arrays)).encode()
    stream = io.BytesIO()
    named = {f"a{i}": array for i, array in enumerate(arrays)}
    np.savez(stream, allow_pickle=False, text=np.frombuffer(text, dtype=np.uint8), **named)
    return stream.getvalue()


def unpack(content: bytes, device: torch.device | str = "cpu") -> Any:
    """What was packed; tensors of an accelerator come back on `device`, with the layout that they had.

    Raises:
        ValueError: these are not the bytes of `pack`.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            return _put_back(json.loads(found["text"].tobytes()), found, device)
    except Exception as error:  # readers of archives raise whatever they stumble over
        wrong = f"not what was packed ({type(error).__name__}: {error})"
        raise ValueError(wrong) from error


def _taken_out(value: Any, arrays: list[np.ndarray]) -> Any:
    """The value with a mark in place of every array, which goes to `arrays`."""
    if isinstance(value, Tensor):
        arrays.append(value.detach().cpu().numpy())
        kind = HOST if value.device.type == "cpu" else DEVICE
        return {MARK: [len(arrays) - 1, kind, _stride(value)]}
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("arrays of Python objects cannot be kept")
        arrays.append(value)
        return {MARK: [len(arrays) - 1, ARRAY, None]}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"keys must be words to be kept: {list(value)[:3]}")
        return {key: _taken_out(inner, arrays) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_taken_out(inner, arrays) for inner in value]
    return value.item() if isinstance(value, np.generic) else value


def _put_back(value: Any, arrays: Any, device: torch.device | str) -> Any:
    if isinstance(value, list):
        return [_put_back(inner, arrays, device) for inner in value]
    if not isinstance(value, dict):
        return value
    if MARK not in value:
        return {key: _put_back(inner, arrays, device) for key, inner in value.items()}
    index, kind, stride = value[MARK]
    array = arrays[f"a{index}"]
    return array if kind == ARRAY else _tensor(array, stride, "cpu" if kind == HOST else device)


def _stride(tensor: Tensor) -> list[int] | None:
    """The strides of a tensor that fills its memory in another order than that of its indices, else None.

    Products of matrices take another way for transposed ones, which may end in other last bits.
    """
    if tensor.is_contiguous() or tensor.numel() == 0:
        return None
    last = sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride(), strict=True))
    return list(tensor.stride()) if last + 1 == tensor.numel() else None


def _tensor(array: np.ndarray, stride: Sequence[int] | None, device: torch.device | str) -> Tensor:
    plain = torch.from_numpy(np.ascontiguousarray(array).reshape(array.shape))
    if stride is None:
        return plain.to(device)
    found = torch.empty_strided(tuple(plain.shape), tuple(stride), dtype=plain.dtype, device=device)
    return found.copy_(plain)
