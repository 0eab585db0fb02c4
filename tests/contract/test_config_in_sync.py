"""The generated files are what the models say, and every campaign of the project is a good one."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from tools.documentation import generated
from tools.documentation.defaults import EXAMPLE

from lodestone.config import arms, load_campaign
from lodestone.config.campaign import Campaign

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted(path.name for path in (ROOT / "config").glob("*.yaml"))
SCHEMA = json.loads((ROOT / "config" / "schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", generated(), ids=str)
def test_generated_files_are_up_to_date(path):
    message = f"{path} is not what the models say; run: python -m tools.documentation"
    assert (ROOT / path).read_text(encoding="utf-8") == generated()[path], message


def test_default_yaml_holds_exactly_the_defaults():
    assert load_campaign(ROOT / "config" / "default.yaml") == Campaign.model_validate(EXAMPLE)


def test_default_yaml_shows_every_key():
    text = (ROOT / "config" / "default.yaml").read_text(encoding="utf-8")
    shown = {line.strip(" #-").partition(":")[0] for line in text.splitlines() if ":" in line}
    keys = {key for part in (SCHEMA, *SCHEMA["$defs"].values()) for key in part.get("properties", {})}
    assert keys <= shown


@pytest.mark.parametrize("name", CONFIGS)
def test_campaigns_are_good_and_fit_the_schema(name, monkeypatch):
    monkeypatch.chdir(ROOT)  # where the files of functions lie
    campaign = load_campaign(ROOT / "config" / name, {"allow_functions": True})
    assert len(arms(campaign)) >= 4
    text = (ROOT / "config" / name).read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    jsonschema.Draft202012Validator(SCHEMA).validate(yaml.safe_load(text))
    if name != "default.yaml":
        assert campaign.campaign == Path(name).stem


def test_the_schema_is_one_and_refuses_what_the_models_refuse():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    wrong = {**EXAMPLE, "sampling": {"structures": -1}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(wrong)


def test_the_case_studies_ask_what_they_are_known_for(monkeypatch):
    monkeypatch.chdir(ROOT)
    read = {name: load_campaign(ROOT / "config" / name, {"allow_functions": True}) for name in CONFIGS}
    asked = {
        name: [t.describe() for c in campaign.constraints.values() for t in c.terms]
        for name, campaign in read.items()
    }
    assert asked["boron.yaml"] == ["volume per atom 7 Å³"]
    assert [text.partition(" within")[0] for text in asked["cu-si-p-ca.yaml"]] == [
        "4 P around each Cu",
        "1 Cu around each Cu",
    ]
    assert [text[:3] for text in asked["cu-si-p.yaml"]] == ["3 P", "4 P", "6 P"]
    assert asked["fe-nd-b.yaml"][0].startswith("6 Fe around each B")
    assert asked["li-co-o.yaml"] == ["4 O around each Co within 2.6 Å"]
