"""Looks whether everything that a campaign needs is installed, whole and writable, weights included."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from lodestone.config.campaign import Campaign
from lodestone.embedded import FOLDER as EMBEDDED
from lodestone.embedded import REBUILD
from lodestone.energies.estimators import settings_of
from lodestone.runtime import device, gpu
from lodestone.runtime.files import file_hash
from lodestone.sampling.mattergen.checkpoint import HUB_REPOSITORY
from lodestone.workflow import potentials
from lodestone.workflow.assets import ASSETS

WEIGHTS = ("config.yaml", "checkpoints/last.ckpt")
Needed = dict[str, tuple[Path | None, str]]
"""Where each file lies, None where it is nowhere to be found, and what to do if it is not there."""


def needed(campaign: Campaign) -> Needed:
    """Every such file of a campaign, by a name for it."""
    found = _model(campaign.model.checkpoint)
    for source in campaign.references:
        found |= source.files()
    wanted = [campaign.energy.estimator.model_dump(mode="json"), *potentials.others(campaign)]
    for estimator in [*wanted, *potentials.estimators(campaign, campaign.constraints)]:
        found |= settings_of(estimator).files()
    return {
        name: (None if path is None else path.absolute(), remedy) for name, (path, remedy) in found.items()
    }


def here(campaign: Campaign) -> Iterator[Check]:
    """Whether each of them is on this machine; a published checkpoint is fetched at its first use."""
    for name, (path, remedy) in needed(campaign).items():
        if path is None:
            yield Check(name, "odd", "not here; it is fetched when it is first used", remedy)
        elif path.is_file():
            yield Check(name, "good", str(path))
        else:
            yield Check(name, "missing", f"no file {path}", remedy)


def _model(checkpoint: str) -> Needed:
    if checkpoint == "embedded":
        return _embedded("model")
    folder = Path(checkpoint)
    if folder.is_dir():
        remedy = "put the folder where nodes see it, or name another: model.checkpoint"
        return {f"checkpoint {checkpoint}, {file}": (folder / file, remedy) for file in WEIGHTS}
    remedy = "nodes often have no network: fetch it once here, "
    remedy += f"`hf download {HUB_REPOSITORY} --include 'checkpoints/{checkpoint}/*'`"
    return {
        f"checkpoint {checkpoint}, {file}": (_cached(f"checkpoints/{checkpoint}/{file}"), remedy)
        for file in WEIGHTS
    }


def _cached(file: str) -> Path | None:
    """A file of the hub where it was fetched before."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(HUB_REPOSITORY, file)
    return Path(found) if isinstance(found, str) else None


def _embedded(section: str) -> Needed:
    return {f"embedded {name}": (EMBEDDED / name, REBUILD) for name in ASSETS[section]}


SHOWN = (
    "torch",
    "mattergen",
    "tensorpotential",
    "chgnet",
    "snakemake",
    "pymatgen",
    "spglib",
    "ase",
    "polars",
)
THREADS = "OMP_NUM_THREADS"
SETUP = "run `make setup`"
MARKS = {"good": "good   ", "odd": "odd    ", "missing": "MISSING"}


NO_GPU = 2
"""Exit code where a GPU is asked for that this installation or a node cannot serve."""


@dataclass(frozen=True)
class Check:
    """What was looked at, how it is, and what to do where it is not good."""

    name: str
    state: Literal["good", "odd", "missing"]
    found: str
    remedy: str = ""
    exit_code: int = 1
    """Of the command, where it is missing."""


def examine(results: Path = Path("results")) -> Iterator[Check]:
    """Every check, in order; one that breaks off is itself a finding, never an exception."""
    steps: tuple[tuple[str, Callable[[], Iterator[Check]]], ...] = (
        ("python", _python),
        ("packages", _packages),
        ("snakemake", _snakemake),
        ("device", _device),
        ("embedded assets", _assets),
        ("threads", _threads),
        ("results", lambda: _results(results)),
    )
    for name, step in steps:
        yield from guarded(name, step)


def report(checks: list[Check]) -> str:
    """The checks as text, and what to do."""
    return "\n".join([*map(line, checks), "", verdict(checks)])


def line(check: Check) -> str:
    """A check, and what to do."""
    return f"{MARKS[check.state]}  {check.name}: {check.found}" + (
        f" -> {check.remedy}" if check.remedy else ""
    )


def verdict(checks: list[Check]) -> str:
    """What all checks come to."""
    missing = sum(check.state == "missing" for check in checks)
    thing, verb = ("thing", "is") if missing == 1 else ("things", "are")
    return f"{missing} needed {thing} {verb} missing" if missing else "ready"


def as_dicts(checks: list[Check]) -> list[dict[str, Any]]:
    """JSON-able rows."""
    return [asdict(check) for check in checks]


def guarded(name: str, step: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """The checks of a step; whatever it breaks off with is the last of them."""
    try:
        yield from step()
    except Exception as error:  # noqa: BLE001  # whatever an import of a broken package raises
        first = str(error).strip().splitlines() or [""]
        yield Check(name, "missing", f"{type(error).__name__}: {first[0]}", SETUP)


def _python() -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] == (3, 11):
        yield Check("python", "good", f"{version} in {sys.prefix}")
    else:
        yield Check("python", "missing", version, "use Python 3.11, as `make setup` does")


def _packages() -> Iterator[Check]:
    from packaging.requirements import Requirement

    wanted = [Requirement(text) for text in metadata.requires("lodestone") or []]
    wanted = [r for r in wanted if r.marker is None or r.marker.evaluate()]
    found = {r.name: _version(r.name) for r in wanted}
    shown = ", ".join(f"{name} {found[name]}" for name in SHOWN if found.get(name))
    faulty = [
        r
        for r in wanted
        if not found[r.name] or not r.specifier.contains(found[r.name] or "", prereleases=True)
    ]
    if not faulty:
        yield Check("packages", "good", f"all {len(wanted)}; {shown}")
    for r in faulty:
        state = f"{found[r.name]} is installed, {r.specifier} is needed" if found[r.name] else "not installed"
        yield Check(f"package {r.name}", "missing", state, SETUP)


def _snakemake() -> Iterator[Check]:
    beside = Path(sys.executable).with_name("snakemake")
    path = str(beside) if beside.is_file() else shutil.which("snakemake")
    if path:
        yield Check("snakemake", "good", path)
    else:
        yield Check("snakemake", "missing", "no such command", SETUP)


def _device() -> Iterator[Check]:
    """The device of this machine; a GPU that `LODESTONE_DEVICE` insists on must be there."""
    choice, sight = device.wanted(), gpu.look()
    fault = gpu.fault(sight)
    cpus = f"CPU, {_cores()} cores"
    if choice == "cpu":
        yield Check("device", "good", f"{cpus}, as {device.VARIABLE}=cpu says")
    elif fault is None:
        import torch

        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        yield Check("device", "good", f"{sight.name}, {memory:.0f} GiB")
    elif choice == "cuda":
        said = f"{device.VARIABLE}=cuda asks for a GPU, but {fault.cause}"
        yield Check("device", "missing", said, fault.remedy, exit_code=NO_GPU)
    elif sight.on_machine:
        yield Check("device", "odd", f"{cpus}, though the machine has a GPU: {fault.cause}", fault.remedy)
    else:
        yield Check("device", "good", f"{cpus} (no GPU on this machine)")


def _assets() -> Iterator[Check]:
    for files in ASSETS.values():
        for name in files:
            yield _asset(EMBEDDED / name, f"embedded {name}")


def _asset(path: Path, name: str) -> Check:
    remedy = "restore the file, or rebuild it with `make embedded`"
    if not path.is_file():
        return Check(name, "missing", f"no file {path}", remedy)
    expected, found = card_hash(path), file_hash(path)
    if expected is None:
        return Check(name, "odd", f"there, {found[:12]}…, but no card tells its hash")
    if expected != found:
        return Check(
            name, "missing", f"its hash {found[:12]}… is not that of its card, {expected[:12]}…", remedy
        )
    return Check(name, "good", f"{found[:12]}…, as in its card")


def card_hash(path: Path) -> str | None:
    """The SHA-256 of an asset as the nearest card above it tells it; None where no card does.

    A card is a `card.json` with `sha256: {file: hash}`, files relative to its folder.
    """
    for folder in path.parents:
        card = folder / "card.json"
        if card.is_file():
            hashes = json.loads(card.read_text(encoding="utf-8")).get("sha256", {})
            if found := hashes.get(path.relative_to(folder).as_posix()):
                return str(found)
        if folder == EMBEDDED:
            break
    return None


def _threads() -> Iterator[Check]:
    value, cores = os.environ.get(THREADS), _cores()
    if value is None:
        advice = f"`export {THREADS}=1`; jobs of the workflow set it themselves"
        yield Check("threads", "odd", f"{THREADS} is not set on {cores} cores", advice)
    elif not value.isdigit() or int(value) > cores:
        yield Check("threads", "odd", f"{THREADS}={value} on {cores} cores", f"`export {THREADS}=1`")
    else:
        yield Check("threads", "good", f"{THREADS}={value} on {cores} cores")


def _results(folder: Path) -> Iterator[Check]:
    existing = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.is_dir())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        remedy = "run where you may write"
        yield Check("results", "missing", f"{existing} cannot be written ({error.strerror})", remedy)
        return
    free = shutil.disk_usage(existing).free / 1e9
    yield Check("results", "good" if free > 1 else "odd", f"{existing} can be written, {free:.1f} GB free")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _cores() -> int:
    return len(os.sched_getaffinity(0))
