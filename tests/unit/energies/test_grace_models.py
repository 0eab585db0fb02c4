"""Where models are looked for: what the package's downloads write, and how one can be missing."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from lodestone.config import load_campaign
from lodestone.doctor.installation import here
from lodestone.energies.estimators import estimator_and_guards, make_estimator
from lodestone.energies.estimators.base import MissingModelError
from lodestone.energies.estimators.grace.models import ALIASES, model_hash, model_path, place
from lodestone.workflow.assets import estimator_hashes
from lodestone.workflow.potentials import missing_models
from lodestone.workflow.stages import settings
from lodestone.workflow.wiring import Wiring

NAME = "GRACE-2L-OMAT-large-ft-AM"
CAMPAIGN = """\
campaign: real
chemical_system: Li-Co-O
model: {checkpoint: chemical_system}
constraints:
  hull: {terms: [{kind: energy_above_hull, target: {lower: 0.1}}], satisfied_within: 0.1}
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRACE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real.yaml").write_text(CAMPAIGN)
    return tmp_path / "cache"


def downloaded(folder: Path, content: bytes = b"graph") -> Path:
    """What an unpacked archive of a published model holds."""
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(content)
    (folder / "variables" / "variables.index").write_bytes(b"index")
    (folder / "variables" / "variables.data-00000-of-00001").write_bytes(b"weights")
    (folder / "metadata.yaml").write_text("cutoff: 6.0\n")
    (folder / ".grace_origin.json").write_text("{}")
    return folder


def test_a_download_is_found_by_its_name_and_by_the_package_s_short_name(cache: Path) -> None:
    folder = downloaded(cache / NAME)
    assert model_path(NAME) == folder
    assert model_path("GRACE-2L-OAM-L") == folder
    assert model_path(str(folder)) == folder
    double = downloaded(cache / f"{NAME}-fp64")
    assert model_path(f"{NAME}-fp64") == double


def test_the_aliases_are_those_of_the_package() -> None:
    source = Path(find_spec("tensorpotential").origin).parent / "calculator" / "foundation_models.py"
    listed = source.read_text().partition("MODELS_ALIASES_DICT = {")[2].partition("}")[0]
    for alias, name in ALIASES.items():
        assert f'"{alias}": "{name}"' in listed
    assert listed.count('": "') == len(ALIASES)


def test_a_model_of_the_user_s_own_registry_is_found(cache: Path, tmp_path: Path) -> None:
    own = downloaded(tmp_path / "somewhere" / "mine")
    cache.mkdir()
    (cache / "models_registry.yaml").write_text(f"MINE:\n  path: {own}\n")
    assert model_path("MINE") == own


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda folder: (folder / "saved_model.pb").unlink(), "no file {folder}/saved_model.pb"),
        (lambda folder: (folder / "variables" / "variables.index").unlink(), "variables/variables.index"),
        (
            lambda folder: (folder / "variables" / "variables.data-00000-of-00001").unlink(),
            "{folder}/variables/variables.data-*",
        ),
        (
            lambda folder: (folder / "saved_model.pb").rename(folder / "model.yaml"),
            "is a checkpoint for training; there is no file {folder}/saved_model.pb",
        ),
    ],
    ids=["export for LAMMPS only", "no index", "no data", "checkpoint"],
)
def test_what_is_not_whole_is_named_by_its_file(cache: Path, broken, says: str) -> None:
    folder = downloaded(cache / NAME)
    broken(folder)
    with pytest.raises(MissingModelError) as error:
        model_path(NAME)
    assert says.format(folder=folder) in str(error.value)
    assert f"grace_models download {NAME}" in str(error.value)
    assert str(folder) in str(error.value)


def test_every_stage_that_evaluates_says_what_is_missing(cache: Path) -> None:
    campaign = load_campaign(Path("real.yaml"))
    says = f"no file {cache / NAME / 'saved_model.pb'}"
    for stage in ("energy", "reference_energy", "relax"):
        with pytest.raises(MissingModelError, match=says):
            estimator_and_guards(settings(stage, campaign))
    checks = {check.name: check for check in here(campaign)}
    assert checks[f"potential {NAME}"].state == "missing"
    assert says in checks[f"potential {NAME}"].found
    assert f"grace_models download {NAME}" in checks[f"potential {NAME}"].remedy


def test_look_ahead_and_terms_say_it_too(cache: Path) -> None:
    from lodestone.config import arms, shards
    from lodestone.sampling.job import steering

    campaign = load_campaign(Path("real.yaml"), {"references": ["embedded"]})
    guided = next(arm for arm in arms(campaign) if arm.kind == "guided")
    part = settings("sample", campaign, arm=guided, shard=shards(campaign, guided)[0])
    part = part | {"potentials": {}, "constraint": None}
    if part["particles"] is None:
        pytest.skip("particles do not look ahead by default")
    with pytest.raises(MissingModelError, match=str(cache / NAME)):
        steering(part)
    with pytest.raises(MissingModelError, match=str(cache / NAME)):
        make_estimator({"kind": "grace", "model": NAME})


def test_nothing_starts_without_a_model_that_is_needed(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = load_campaign(Path("real.yaml"))
    with pytest.raises(SystemExit) as error:
        Wiring(campaign).several.require_models()
    assert error.value.code == 1
    assert str(cache / NAME / "saved_model.pb") in capsys.readouterr().err
    several = {"energy": {"estimators": [{"kind": "chgnet"}, {"kind": "grace"}]}}
    beside = load_campaign(Path("real.yaml"), several)
    Wiring(beside).several.require_models()  # told, but the judge is there
    assert "GRACE-2L-OMAT-large-ft-AM" in capsys.readouterr().err
    downloaded(cache / NAME)
    assert missing_models(campaign) == {}
    Wiring(campaign).several.require_models()
    assert capsys.readouterr().err == ""


def test_the_hash_is_of_what_makes_the_energies(cache: Path) -> None:
    assert estimator_hashes({"kind": "grace", "model": NAME}) == {NAME: "missing"}
    folder = downloaded(cache / NAME)
    known = model_hash(folder)
    assert estimator_hashes({"kind": "grace", "model": NAME}) == {NAME: known}
    (folder / ".grace_origin.json").write_text('{"downloaded_at": "later"}')
    (folder / "kokkos.npz").write_bytes(b"for LAMMPS")
    assert model_hash(folder) == known
    weights = folder / "variables" / "variables.data-00000-of-00001"
    weights.write_bytes(b"heights")  # as long as before
    os.utime(weights, ns=(1, 1))
    assert model_hash(folder) != known


def test_another_model_under_the_same_name_changes_the_stages_that_evaluate(cache: Path) -> None:
    folder = downloaded(cache / NAME)
    campaign = load_campaign(Path("real.yaml"))
    before = {
        stage: settings(stage, campaign) for stage in ("energy", "reference_energy", "relax", "measure")
    }
    (folder / "saved_model.pb").write_bytes(b"another graph")
    for stage, known in before.items():
        assert settings(stage, campaign) != known, stage


def test_a_path_is_a_path(tmp_path: Path) -> None:
    folder, remedy = place(str(tmp_path / "none"))
    assert folder == tmp_path / "none"
    assert "given as a path" in remedy
