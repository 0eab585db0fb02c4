import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

GPU_ONLY = re.compile(r"^(nvidia-(?!ml-py3)|cuda-|triton)")
LISTS = ["cpu", "cuda", "cuda12"]


def pins(root, name):
    lines = (root / "envs" / f"{name}.txt").read_text().splitlines()
    return {canonicalize_name(r.name): r for r in map(Requirement, lines)}


def declared(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    lines = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    return [Requirement(line) for line in lines + [line for group in groups.values() for line in group]]


@pytest.mark.parametrize("name", LISTS)
def test_every_declared_dependency_is_pinned_to_a_version_it_allows(root, name):
    pinned = pins(root, name)
    for requirement in declared(root):
        pin = pinned[canonicalize_name(requirement.name)]
        (exact,) = pin.specifier
        assert exact.operator == "=="
        assert requirement.specifier.contains(exact.version, prereleases=True), f"{pin} is not {requirement}"


@pytest.mark.parametrize("name", LISTS)
def test_every_line_is_one_exact_version_and_no_address(root, name):
    text = (root / "envs" / f"{name}.txt").read_text()
    assert "://" not in text
    assert " @ " not in text
    for requirement in pins(root, name).values():
        assert re.fullmatch(r"==[0-9][\w.!]*", str(requirement.specifier)), requirement


def test_the_cpu_list_is_the_cuda_list_without_what_only_a_gpu_needs(root):
    cpu, cuda = pins(root, "cpu"), pins(root, "cuda")
    assert {name for name in cuda if not GPU_ONLY.match(name)} == cpu.keys()
    assert all(str(cuda[name]) == str(pin) for name, pin in cpu.items())
    assert any(name.startswith("nvidia-cudnn") for name in cuda)


def test_the_list_for_older_drivers_differs_in_torch_and_what_it_brings_alone(root):
    new, old = pins(root, "cuda"), pins(root, "cuda12")
    ours = {name for name in old if not GPU_ONLY.match(name)}
    assert ours == {name for name in new if not GPU_ONLY.match(name)}
    assert {name for name in ours if str(old[name]) != str(new[name])} == {"torch"}
    assert any(name.endswith("-cu12") for name in old)
    assert not any(name.endswith("-cu13") for name in old)
    (runtime,) = old["nvidia-cuda-runtime-cu12"].specifier
    assert runtime.version.startswith("12.")


def test_the_environment_is_the_one_that_is_pinned(root):
    from importlib.metadata import version

    stamp = Path(sys.prefix, ".lodestone")  # of envs/setup.sh
    pinned = pins(root, stamp.read_text().split()[0] if stamp.exists() else "cpu")
    different = {}
    for requirement in declared(root):
        (pin,) = pinned[canonicalize_name(requirement.name)].specifier
        installed = version(requirement.name).partition("+")[0]
        if installed != pin.version:
            different[requirement.name] = (installed, pin.version)
    assert not different
