"""Loading checkpoint folders: the real formats load, hostile ones are refused by name."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from lodestone.sampling.mattergen.checkpoint import (
    EMBEDDED,
    CheckpointError,
    build,
    load_checkpoint,
    locate,
    read_config,
    trained_steps,
)

PUBLISHED = Path(__file__).with_name("published_chemical_system.yaml")


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return yaml.safe_load((EMBEDDED / "config.yaml").read_text())


def folder_with(tmp_path: Path, config: Any, weights: bytes | None = None) -> Path:
    (tmp_path / "checkpoints").mkdir(exist_ok=True)
    text = config if isinstance(config, str) else yaml.safe_dump(config)
    (tmp_path / "config.yaml").write_text(text)
    source = (EMBEDDED / "checkpoints/last.ckpt").read_bytes()
    (tmp_path / "checkpoints/last.ckpt").write_bytes(source if weights is None else weights)
    return tmp_path


def test_the_embedded_checkpoint_loads() -> None:
    found = load_checkpoint(locate("embedded"))
    assert len(found.sha256) == 64
    assert trained_steps(found.config) == 200
    assert all(torch.isfinite(p).all() for p in found.module.parameters())


def test_a_folder_elsewhere_loads_the_same(config: dict[str, Any], tmp_path: Path) -> None:
    folder = folder_with(tmp_path, config)
    found = load_checkpoint(locate(str(folder)), steps=100)
    assert found.module.diffusion_module.corruption.discrete_corruptions["atomic_numbers"].N == 100


@pytest.mark.slow
def test_the_published_configuration_builds_with_random_weights() -> None:
    config = read_config(PUBLISHED)
    assert trained_steps(config) == 1000
    small = copy.deepcopy(config)  # the published network, narrowed so that the test stays quick
    module = build(small)
    assert sum(p.numel() for p in module.parameters()) == pytest.approx(48.8e6, rel=0.01)


@pytest.mark.parametrize("target", ["os.system", "builtins.eval", "subprocess.Popen", "torch.hub.load"])
def test_a_foreign_class_is_refused(config: dict[str, Any], tmp_path: Path, target: str) -> None:
    hostile = copy.deepcopy(config)
    hostile["lightning_module"]["diffusion_module"]["loss_fn"] = {"_target_": target, "command": "true"}
    with pytest.raises(CheckpointError, match=f"loss_fn.*refuses to build '{target}'"):
        load_checkpoint(folder_with(tmp_path, hostile))


def test_a_foreign_class_in_a_list_is_refused(config: dict[str, Any], tmp_path: Path) -> None:
    hostile = copy.deepcopy(config)
    hostile["lightning_module"]["diffusion_module"]["model"]["extra"] = [{"_target_": "os.getcwd"}]
    with pytest.raises(CheckpointError, match=r"os\.getcwd"):
        read_config(folder_with(tmp_path, hostile) / "config.yaml")


@pytest.mark.parametrize("text", ["${eval:'__import__(\"os\").getcwd()'}", "${oc.env:HOME}", "${a.b}"])
def test_interpolations_are_refused(config: dict[str, Any], tmp_path: Path, text: str) -> None:
    hostile = copy.deepcopy(config)
    hostile["lightning_module"]["diffusion_module"]["model"]["hidden_dim"] = text
    with pytest.raises(CheckpointError, match="interpolation"):
        load_checkpoint(folder_with(tmp_path, hostile))


def test_python_tags_are_refused(tmp_path: Path) -> None:
    text = "lightning_module: !!python/object/apply:os.getcwd []\n"
    with pytest.raises(CheckpointError, match="not plain YAML"):
        load_checkpoint(folder_with(tmp_path, text))


class Bomb:
    """Unpickling this creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.path),))


def test_pickled_code_is_not_run(config: dict[str, Any], tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    plain = pickle.dumps({"state_dict": Bomb(mark)})
    with pytest.raises(CheckpointError, match="refused or unreadable"):
        load_checkpoint(folder_with(tmp_path, config, plain))
    torch.save({"state_dict": Bomb(mark)}, tmp_path / "checkpoints/last.ckpt")
    with pytest.raises(CheckpointError, match="refused or unreadable"):
        load_checkpoint(tmp_path)
    assert not mark.exists()


def test_missing_and_broken_files_are_named(config: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.yaml: missing"):
        load_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"last\.ckpt"):
        load_checkpoint(folder_with(tmp_path, config, b"not a checkpoint"))
    with pytest.raises(CheckpointError, match="no section lightning_module"):
        load_checkpoint(folder_with(tmp_path, {"model": 1}))


def test_an_unknown_name_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def unreachable(*_: object, **__: object) -> str:
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", unreachable)
    with pytest.raises(CheckpointError, match=r"put config\.yaml and checkpoints/last\.ckpt into a folder"):
        locate("chemical_system")


def test_a_hub_name_is_fetched_file_by_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    asked = []

    def fetch(repository: str, name: str) -> str:
        asked.append((repository, name))
        return str(tmp_path / name)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    assert locate("chemical_system") == tmp_path / "checkpoints/chemical_system"
    assert [name for _, name in asked] == [
        "checkpoints/chemical_system/checkpoints/last.ckpt",
        "checkpoints/chemical_system/config.yaml",
    ]
