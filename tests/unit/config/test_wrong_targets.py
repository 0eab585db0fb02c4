# ruff: noqa: E501  (a fault per line)
"""A wrong target is told with its place, its key and the form that is right; every example is a good one."""

import json
import re

import jsonschema
import pytest
import yaml
from click.testing import CliRunner
from tools.documentation.constraints import constraints_page

from lodestone.cli import main
from lodestone.config import load_campaign
from lodestone.config.faults import campaign_schema
from lodestone.constraints import term_models
from lodestone.workflow.settings import resolved

PAIR = "kind: coordination_distribution, center: Co, neighbor: O"
NEAR = "kind: bond_length, center: Co, neighbor: O"
TARGET = "constraints.wanted.terms[0].target"
FORMS = "[least, most], {values: [...]}, {lower: ...} or {higher: ...}"

# name: the term, the key, part of what is wrong, part of what is allowed
WRONG = {
    "list of three": ("kind: density, target: [3, 4, 6]", TARGET, "a list of 3 entries", "{values: [3, 4, 6]}"),
    "list of one": ("kind: density, target: [3]", TARGET, "a list of 1 entry", "[least, most]"),
    "empty list": ("kind: density, target: []", TARGET, "a list of 0 entries", "[least, most]"),
    "range upside down": ("kind: density, target: [6, 4]", TARGET, "6 is not below 4", "[least, most]"),
    "range of one number": ("kind: density, target: {range: [4, 4]}", TARGET + ".range", "4 is not below 4", "[least, most]"),
    "range that is a number": ("kind: density, target: {range: 4}", TARGET + ".range", "4 is no list", "[least, most]"),
    "text in a range": ("kind: density, target: [a, 4]", TARGET + "[0]", "'a' is text", "finite numbers > 0"),
    "the word lower": ("kind: density, target: lower", TARGET, "'lower' alone", "{lower: 0.1}"),
    "the word higher": ("kind: density, target: higher", TARGET, "'higher' alone", "{higher: 20}"),
    "another word": ("kind: density, target: high", TARGET, "'high' is text", FORMS),
    "truth value": ("kind: density, target: true", TARGET, "true is a truth value", "finite numbers"),
    "no number": ("kind: density, target: .nan", TARGET, "nan is not finite", "> 0"),
    "infinite end": ("kind: density, target: {higher: .inf}", TARGET + ".higher", "inf is not finite", "> 0"),
    "out of bounds": ("kind: density, target: {values: [1, -2]}", TARGET + ".values[1]", "-2 is out of range", "> 0"),
    "no values": ("kind: density, target: {values: []}", TARGET + ".values", "an empty list", "finite numbers"),
    "two forms": ("kind: density, target: {lower: 3, higher: 2}", TARGET, "has 2 keys", "lower, higher"),
    "unknown form": ("kind: density, target: {below: 3}", TARGET + ".below", "unknown key", "lower, higher"),
    "empty": ("kind: density, target: ", TARGET, "is empty", FORMS),
    "missing": ("kind: density", TARGET, "is missing", FORMS),
    "distribution elsewhere": ("kind: density, target: {4: 0.5, 6: 0.5}", TARGET + ".4", "unknown key", "values"),
    "number for a distribution": (f"{PAIR}, target: 4", TARGET, "4 is no distribution", "{4: 0.5, 6: 0.5}"),
    "range for a distribution": (f"{PAIR}, target: {{range: [3, 4]}}", TARGET + ".range", "range is no number of neighbours", "whole numbers"),
    "no distribution": (f"{PAIR}, target: {{}}", TARGET, "is empty", "add up to 1"),
    "shares of 0.9": (f"{PAIR}, target: {{4: 0.5, 6: 0.4}}", TARGET, "add up to 0.9", "add up to 1"),
    "share in per cent": (f"{PAIR}, target: {{4: 50, 6: 50}}", TARGET + ".4", "50 is out of range", "≤ 1"),
    "negative share": (f"{PAIR}, target: {{4: 1.5, 6: -0.5}}", TARGET + ".4", "1.5 is out of range", "> 0"),
    "negative count": (f"{PAIR}, target: {{-4: 1}}", TARGET + ".-4", "-4 is no number of neighbours", "from 0 to 60"),
    "share as text": (f"{PAIR}, target: {{4: all}}", TARGET + ".4", "'all' is no number", "≤ 1"),
    "unknown metric": (f"{PAIR}, target: {{4: 1}}, metric: wassertein", "terms[0].metric", "did you mean 'wasserstein'", "jensen_shannon"),
    "unknown quantity": ("kind: lattice, quantity: volume, target: 3", "terms[0].quantity", "'volume' is not known", "alpha, beta"),
    "unknown mode": (f"{NEAR}, mode: min, target: 2", "terms[0].mode", "'min' is not known", "shortest, mean"),
    "foreign neighbour": ("kind: bond_length, center: Co, neighbor: S, target: 2", "terms[0].neighbor", "S is not in the chemical system", "Co, Li, O"),
    "endless cutoff": (f"{NEAR}, target: 2, cutoff: 50", "terms[0].cutoff", "50 is out of range", "≤ 10"),
    "tolerance of nothing": ("kind: density, target: 3, tolerance: 0", "terms[0].tolerance", "0 is out of range", "> 0"),
    "negative tolerance": ("kind: density, target: [3, 4], tolerance: -1", "terms[0].tolerance", "-1 is out of range", "≥ 0"),
    "contacts in ångström": ("kind: min_distance, target: {higher: 2.5}", TARGET + ".higher", "2.5 is out of range", "≤ 2"),
}  # fmt: skip

CAMPAIGN = """\
campaign: small
chemical_system: Li-Co-O
model: {{checkpoint: embedded}}
constraints:
  wanted:
    terms:
      - {{{term}}}
    satisfied_within: {within}
energy: {{estimator: {{kind: grace, model: embedded}}}}
"""


def write(tmp_path, term, within=0.5):
    path = tmp_path / "campaign.yaml"
    path.write_text(CAMPAIGN.format(term=term, within=within))
    return path


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_target_is_told(name, tmp_path):
    term, key, wrong, allowed = WRONG[name]
    path = write(tmp_path, term)
    result = CliRunner().invoke(main, ["check", str(path)])
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.stderr
    (told,) = result.stderr.splitlines()
    place, _, rest = told.removeprefix(f"{path}:7: ").partition(": ")
    assert place.endswith(key)
    said, _, may = rest.partition("; allowed: ")
    assert wrong in said
    assert allowed in may


def test_nothing_may_be_missed_by_nothing_only_where_a_set_is_asked_for(tmp_path):
    result = CliRunner().invoke(main, ["check", str(write(tmp_path, "kind: density, target: 3", 0))])
    assert ":8: constraints.wanted.satisfied_within: 0 is out of range" in result.stderr
    for term in ("kind: density, target: [3, 4]", "kind: density, target: 3, tolerance: 0.1"):
        assert load_campaign(write(tmp_path, term, 0)).constraints["wanted"].satisfied_within == 0


def test_settings_show_what_was_asked_and_the_cutoff_that_is_used(tmp_path):
    found = resolved(load_campaign(write(tmp_path, f"{PAIR}, target: {{4: 0.5, 6: 0.5}}", 0)))
    (term,) = json.loads(json.dumps(found))["constraints"]["wanted"]["terms"]
    assert term["target"] == {"4": 0.5, "6": 0.5}
    assert term["cutoff"] == pytest.approx(2.92)


def test_a_count_given_twice_is_refused(tmp_path):
    result = CliRunner().invoke(main, ["check", str(write(tmp_path, f"{PAIR}, target: {{4: 0.5, 4: 0.5}}"))])
    assert "target.4: appears twice" in result.stderr


EXAMPLES = re.findall(r"## `(\w+)`.*?```yaml\n(.*?)```", constraints_page(), flags=re.DOTALL)


def test_every_kind_has_its_example():
    assert [kind for kind, _ in EXAMPLES] == list(term_models())


@pytest.mark.parametrize(("kind", "text"), EXAMPLES, ids=[kind for kind, _ in EXAMPLES])
def test_every_example_of_the_documentation_is_good(kind, text, tmp_path, root, monkeypatch):
    monkeypatch.chdir(root)  # where the files of functions lie
    path = tmp_path / "campaign.yaml"
    whole = CAMPAIGN.partition("constraints:")[0].format() + text
    path.write_text(whole + "energy: {estimator: {kind: grace, model: embedded}}\n")
    (term,) = load_campaign(path, {"allow_functions": True}).constraints["wanted"].terms
    assert term.kind == kind
    plain = {
        k: {str(c): s for c, s in v.items()} if isinstance(v, dict) else v
        for k, v in yaml.safe_load(text)["constraints"]["wanted"]["terms"][0].items()
    }
    schema = campaign_schema() | {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    data = {
        "campaign": "small",
        "chemical_system": "Li-Co-O",
        "constraints": {"wanted": {"terms": [plain], "satisfied_within": 0}},
    }
    jsonschema.Draft202012Validator(schema).validate(data)
    data["constraints"]["wanted"]["terms"][0] = plain | {"target": [1, 2, 3]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(data)


def test_the_page_names_every_key_of_every_kind():
    page = constraints_page()
    assert all(f"| `{key}` |" in page for model in term_models().values() for key in model.model_fields)
