"""A pretended accelerator: torch's backend for devices written in Python.

Its tensors hold real numbers, computed on the CPU, so what comes out equals the CPU's run; it refuses to
compute with tensors of the host, as a GPU does, and it counts kernels, transfers, and the times that the host
waits for a result. Import it in a process of its own: torch learns of devices only once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

NAME = "pretended"
WAITS = (  # the host needs a number or a size that only the device knows
    "aten._local_scalar_dense",
    "aten.nonzero",
    "aten.masked_select",
    "aten.equal",
    "aten.repeat_interleave.Tensor",
    "aten._unique2",
    "aten.unique_dim",
    "aten.bincount",
    "aten.is_nonzero",
)
ON_HOST_TOO = {  # operations that take indices or a source from the host on a real device as well
    "aten.copy_.default",
    "aten._to_copy.default",
    "aten.index.Tensor",
    "aten.index_put_.default",
    "aten.index_put.default",
}


class OnDevice(torch.Tensor):
    """A tensor of the pretended device; `held` has its numbers."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> Self:
        made = torch.Tensor._make_wrapper_subclass(
            cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(),
            dtype=held.dtype, device=torch.device(NAME, 0), requires_grad=False,
        )  # fmt: skip
        made.held = held
        return made

    def tolist(self) -> Any:
        """torch refuses it for subclasses; on a device it is one transfer."""
        BOOK.to_host["tolist"] += 1
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


class Book:
    """What happened on the device since it was opened; `kernels` counts views too, which launch nothing."""

    def __init__(self) -> None:
        self.kernels: Counter[str] = Counter()
        self.waits: Counter[str] = Counter()
        self.to_device: Counter[str] = Counter()
        self.to_host: Counter[str] = Counter()

    def sums(self) -> dict[str, int]:
        """How many of each kind."""
        return {name: sum(counts.values()) for name, counts in vars(self).items()}


BOOK = Book()
LIBRARIES: list[Any] = []
"""Kernels of the device; they live as long as this."""


def is_pretended(device: Any) -> bool:
    return device is not None and torch.device(device).type == NAME


def computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """An operation on the device, by the CPU."""
    name = str(func)
    values = [v for v in tree_flatten((args, kwargs))[0] if isinstance(v, torch.Tensor)]
    mine = [v for v in values if isinstance(v, OnDevice)]
    target = kwargs.get("device")
    if not mine and not is_pretended(target):
        return func(*args, **kwargs)
    strangers = [v for v in values if not isinstance(v, OnDevice) and v.ndim]
    if mine and strangers and name not in ON_HOST_TOO:
        raise AssertionError(f"{name} mixes the device with the host")
    _note(name, args, strangers if mine else [])
    bare_args, bare_kwargs = tree_map_only(OnDevice, lambda v: v.held, (args, kwargs))
    leaves = bool(mine) and target is not None and not is_pretended(target)
    if target is not None:
        bare_kwargs = {**bare_kwargs, "device": torch.device("cpu")}
    if leaves:
        BOOK.to_host[name] += 1
    elif not mine and values:
        BOOK.to_device[name] += 1
    found = func(*bare_args, **bare_kwargs)
    if name.endswith("_.default") or name == "aten.copy_.default":
        if name == "aten.copy_.default":
            (BOOK.to_host if not isinstance(args[0], OnDevice) else BOOK.to_device)[name] += bool(
                len(mine) == 1
            )
        return args[0]
    if leaves:
        return found
    return tree_map_only(torch.Tensor, OnDevice, found)


def _note(name: str, args: Any, strangers: list[torch.Tensor]) -> None:
    """A kernel; whether it is waited for; and indices of the host, which are sent along."""
    BOOK.kernels[name] += 1
    if name.startswith(WAITS) or _counts_a_mask(name, args):
        BOOK.waits[name] += 1
    if name.startswith("aten.index") and strangers:
        BOOK.to_device[name] += len(strangers)


def _counts_a_mask(name: str, args: Any) -> bool:
    """Whether an index is a mask of the device, whose length the host must learn; a fill needs none."""
    if not name.startswith("aten.index") or len(args) < 2 or not isinstance(args[1], list | tuple):
        return False
    fills = len(args) > 2 and isinstance(args[2], torch.Tensor) and args[2].numel() == 1
    return not fills and any(isinstance(i, OnDevice) and i.dtype == torch.bool for i in args[1])


class Intercepted(TorchDispatchMode):
    """Sees what makes tensors on the device from nothing, which no tensor of it takes part in."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


class Backend:
    """What torch asks of the module of a device. Random numbers are the CPU's, so that samples are too."""

    def is_initialized(self) -> bool:
        return True

    def is_available(self) -> bool:
        return True

    def device_count(self) -> int:
        return 1

    def current_device(self) -> int:
        return 0

    def _is_in_bad_fork(self) -> bool:
        return False

    def manual_seed_all(self, seed: int) -> None:
        """The CPU is seeded beside it."""

    def get_rng_state(self, _: Any = 0) -> torch.Tensor:
        return torch.get_rng_state()

    def set_rng_state(self, state: torch.Tensor, _: Any = 0) -> None:
        """The CPU's is set beside it."""


def register() -> None:
    """Tell torch of the device, once per process."""
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

    _setup_privateuseone_for_python_backend(NAME, backend_module=Backend())
    # torch.tensor(…, device=…) makes its tensors below what a mode sees
    library = torch.library.Library("aten", "IMPL")
    library.impl("empty.memory_format", _empty, "PrivateUse1")
    library.impl("empty_strided", _empty_strided, "PrivateUse1")
    library.impl("_copy_from", _copy_from, "PrivateUse1")
    library.impl("_local_scalar_dense", _number, "PrivateUse1")
    LIBRARIES.append(library)


def _empty(size: Any, dtype: Any = None, **_: Any) -> OnDevice:
    return OnDevice(torch.empty(size, dtype=dtype))


def _empty_strided(size: Any, stride: Any, dtype: Any = None, **_: Any) -> OnDevice:
    return OnDevice(torch.empty_strided(size, stride, dtype=dtype))


def _number(value: OnDevice) -> Any:
    """Of torch.tensor([…]), which takes numbers out of what it is given."""
    BOOK.waits["_local_scalar_dense"] += 1
    return value.held.item()


def _copy_from(source: torch.Tensor, target: torch.Tensor, _: bool = False) -> torch.Tensor:
    to_device = isinstance(target, OnDevice) and not isinstance(source, OnDevice)
    (BOOK.to_device if to_device else BOOK.to_host)["_copy_from"] += 1
    held = source.held if isinstance(source, OnDevice) else source
    (target.held if isinstance(target, OnDevice) else target).copy_(held)
    return target


@contextmanager
def device() -> Iterator[Book]:
    global BOOK  # noqa: PLW0603  # one device, one book
    BOOK = Book()
    with Intercepted():
        yield BOOK
