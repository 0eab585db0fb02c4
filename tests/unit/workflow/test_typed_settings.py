"""The models of scripts' settings take every slice, give it back, and refuse others."""

import functools
import importlib.util
import json
import typing
from types import SimpleNamespace

import pytest

from lodestone.config import arms, shards
from lodestone.sampling.batches import folder_of
from lodestone.schema.sections import Section
from lodestone.workflow.adapter import from_command_line, from_rule, guarded, typed_settings
from lodestone.workflow.stages import STAGES, Per, settings
from lodestone.workflow.wiring import load

CAMPAIGNS = ("demo", "strict", "search", "functions")


@functools.cache
def main_of(script, root):
    spec = importlib.util.spec_from_file_location(f"typed_{script}", root / "scripts" / f"{script}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@functools.cache
def campaign_of(name, root):
    return load([root / "config" / f"{name}.yaml"], {"allow_functions": True})


def slices(stage, campaign):
    """The settings of every job of a stage, as JSON gives them."""
    for job in stage.jobs(campaign):
        arm = next((one for one in arms(campaign) if one.name == job.arm), None)
        shard = shards(campaign, arm)[job.shard] if stage.per is Per.SHARD else None
        found = settings(stage.name, campaign, arm=arm, shard=shard, estimator=job.estimator)
        yield json.loads(json.dumps(found))


@pytest.fixture(autouse=True)
def at_root(root, monkeypatch):
    monkeypatch.chdir(root)  # campaigns name their files from here


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_slice_of_a_stage_goes_through_its_model_unchanged(stage, root):
    main = main_of(stage.script or stage.name, root)
    model = typing.get_type_hints(main)["settings"]
    assert issubclass(model, Section)
    for name in CAMPAIGNS:
        for params in slices(stage, campaign_of(name, root)):
            found = typed_settings(main, stage.name, params)
            assert isinstance(found, model)
            assert found.model_dump(mode="json", exclude_unset=True) == params


def test_the_settings_of_imported_structures_do_too(root):
    main = main_of("import_structures", root)
    params = {"campaign": "demo", "arm": "mine", "structures": "a.cif", "sha256": "missing"}
    assert typed_settings(main, "import_structures", params).params() == params


def faults(stage):
    return [
        ({"colour": "red"}, f"{stage}: settings.colour: Extra inputs are not permitted"),
        ({"min_distance": "wide"}, f"{stage}: settings.min_distance: Input should be a valid number"),
        ({"volume_per_atom": [3.0, "x"]}, f"{stage}: settings.volume_per_atom.1: Input should be a valid"),
    ]


def job(params):
    return SimpleNamespace(rule="screen", input={"symmetrized": "s"}, output={"output": "o"}, params=params)


@pytest.mark.parametrize(("wrong", "told"), faults("screen"))
def test_a_rule_that_passes_others_ends_with_code_1_and_names_stage_and_key(wrong, told, root, capsys):
    params = settings("screen", campaign_of("demo", root)) | wrong
    main = main_of("screen", root)
    assert guarded(lambda: from_rule(main, job({"settings": params}))) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(("wrong", "told"), faults("screen"))
def test_so_does_a_shell(wrong, told, root, capsys, monkeypatch):
    params = settings("screen", campaign_of("demo", root)) | wrong
    monkeypatch.setattr("lodestone.workflow.adapter.stage_settings", lambda *_: params)
    options = ["--symmetrized", "s", "--output", "o", "--config", "config/demo.yaml"]
    assert guarded(lambda: from_command_line(main_of("screen", root), "screen", options)) == 1
    assert told in capsys.readouterr().err


def test_a_shell_gives_the_model_too(root):
    options = ["--symmetrized", "s", "--output", "o", "--config", "config/demo.yaml"]
    found = from_command_line(main_of("screen", root), "screen", options)["settings"]
    assert found.params() == settings("screen", campaign_of("demo", root))


def test_a_missing_key_is_named(root):
    with pytest.raises(TypeError, match=r"symmetrize: settings\.colour: Extra inputs are not permitted"):
        typed_settings(main_of("symmetrize", root), "symmetrize", {"colour": "red"})
    with pytest.raises(TypeError, match=r"hull: settings\.elements: Field required"):
        typed_settings(main_of("hull", root), "hull", {})


def test_a_model_beside_none_takes_none_and_the_model(root):
    model = typing.get_type_hints(main_of("hull", root))["settings"]

    def main(*, settings: model | None) -> None:
        """Nothing."""

    assert typed_settings(main, "hull", None) is None
    assert typed_settings(main, "hull", {"elements": ["Li"]}) == model(elements=("Li",))


@pytest.mark.parametrize(
    ("arm", "folder"), [("unguided", "fafdef25f84122b1"), ("co_o_4-s0.1", "b288c5c842ec7b27")]
)
def test_a_shard_that_an_earlier_version_began_is_gone_on_with(arm, folder, root, tmp_path):
    """The folder of its batches was named before settings were typed; hashes of assets are left out of it."""
    campaign = campaign_of("demo", root)
    (one,) = [each for each in arms(campaign) if each.name == arm]
    params = settings("sample", campaign, arm=one, shard=shards(campaign, one)[0]) | {"assets": {}}
    if "look_ahead" in params:
        params["look_ahead"] = params["look_ahead"] | {"assets": {}}
    typed = typed_settings(main_of("sample", root), "sample", json.loads(json.dumps(params)))
    assert folder_of(tmp_path, typed.params()).name == folder
