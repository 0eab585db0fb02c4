"""The sampler on a pretended accelerator: nothing mixes devices, and little goes to and fro.

The accelerator is torch's backend for devices written in Python. Its tensors hold real numbers, computed on
the CPU, so what comes out equals the CPU's run; it refuses to compute with tensors of the host, as a GPU
does, and it counts kernels, transfers, and the times that the host waits for a result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

from lodestone.constraints.descriptors.volume_per_atom import VolumePerAtom
from lodestone.sampling.guidance import GuidanceOptions, Objective, guided_score
from lodestone.sampling.loop import LoopOptions
from lodestone.sampling.mattergen.checkpoint import load_checkpoint, locate
from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
from lodestone.sampling.particles import ParticleOptions
from lodestone.sampling.shard import ShardPlan, Steering, sample_batch

pytestmark = pytest.mark.slow

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
BUDGET = {"kernels": 1700, "waits": 12, "to_device": 7, "to_host": 6}
"""Most per pass of the network, what leads to it and what follows; nearly all are of upstream's graph."""
STEPS = 6
SIZES = {3: 0.5, 5: 0.5}
TARGET = Objective((VolumePerAtom(target=16.0),))


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
    """What happened on the device since it was opened."""

    def __init__(self) -> None:
        self.kernels: Counter[str] = Counter()
        self.waits: Counter[str] = Counter()
        self.to_device: Counter[str] = Counter()
        self.to_host: Counter[str] = Counter()


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
    BOOK.kernels[name] += 1
    if name.startswith(WAITS):
        BOOK.waits[name] += 1
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


@pytest.fixture(scope="module", autouse=True)
def _registered() -> None:
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

    _setup_privateuseone_for_python_backend(NAME, backend_module=Backend())
    # torch.tensor(…, device=…) makes its tensors below what a mode sees
    library = torch.library.Library("aten", "IMPL")
    library.impl("empty.memory_format", _empty, "PrivateUse1")
    library.impl("empty_strided", _empty_strided, "PrivateUse1")
    library.impl("_copy_from", _copy_from, "PrivateUse1")
    LIBRARIES.append(library)


def _empty(size: Any, dtype: Any = None, **_: Any) -> OnDevice:
    return OnDevice(torch.empty(size, dtype=dtype))


def _empty_strided(size: Any, stride: Any, dtype: Any = None, **_: Any) -> OnDevice:
    return OnDevice(torch.empty_strided(size, stride, dtype=dtype))


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


def test_the_device_refuses_what_a_gpu_refuses() -> None:
    with device() as book:
        there = torch.ones(3, device=NAME)
        with pytest.raises(AssertionError, match="mixes the device"):
            there + torch.ones(3)
        assert float((2 * there).sum()) == 6
        assert (there + torch.tensor(1.0)).device.type == NAME
        assert there.cpu().tolist() == [1, 1, 1]
    assert sum(book.waits.values()) == 1
    assert sum(book.to_host.values()) == 1


def test_gradients_flow_on_the_device() -> None:
    with device():
        there = torch.arange(3.0, device=NAME).requires_grad_()
        (grad,) = torch.autograd.grad((there**2).sum(), there)
        assert grad.cpu().tolist() == [0, 2, 4]


def plan(**more: Any) -> ShardPlan:
    return ShardPlan("c", "a", 0, 0, 4, 4, 11, SIZES, **more)


def model(on: str) -> MatterGenDiffusion:
    return MatterGenDiffusion(
        load_checkpoint(locate("embedded"), steps=STEPS),
        properties={"chemical_system": "Co-Li-O"},
        guidance_factor=1.0,
        device=on,
    )


KINDS = {
    "plain": Steering(None, GuidanceOptions(0.0), LoopOptions()),
    "guided": Steering(TARGET, GuidanceOptions(0.1, start=2.0), LoopOptions(2, 2.0)),
    "particles": Steering(
        TARGET,
        GuidanceOptions(0.05, start=2.0),
        LoopOptions(),
        particles=ParticleOptions(count=2, times=(0.9, 0.5)),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_samples_of_the_device_are_those_of_the_cpu(kind: str) -> None:
    here = sample_batch(model("cpu"), plan(), KINDS[kind], 0, 4)
    with device():
        diffusion = model(NAME)
    with device() as book:
        there = sample_batch(diffusion, plan(), KINDS[kind], 0, 4)
    assert there.equals(here)
    if kind == "plain":
        spent = {name: sum(getattr(book, name).values()) / diffusion.passes for name in BUDGET}
        assert all(0 < spent[name] <= most for name, most in BUDGET.items()), spent


def test_forward_guidance_agrees_to_rounding() -> None:
    options = GuidanceOptions(0.0, forward=0.1, start=2.0)

    def score(on: str) -> list[torch.Tensor]:
        diffusion = model(on)
        torch.manual_seed(5)
        found = guided_score(diffusion, TARGET, options)(diffusion.prior([3, 5]), diffusion.times[3])
        return [value.detach().cpu() for value in (found.frac, found.cell, found.logits)]

    here = score("cpu")
    with device():
        there = score(NAME)
    for a, b in zip(here, there, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-5 * float(a.abs().clamp(max=1e3).max()))
