"""Variants: how they go over a file, where their faults are told, and what they leave alone."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from lodestone.cli import main
from lodestone.config import ConfigError, load_campaign
from lodestone.config.faults import campaign_schema
from lodestone.config.load import load_variants
from lodestone.workflow.settings import resolved
from lodestone.workflow.stages import settings

ROOT = Path(__file__).resolve().parents[3]
STUDIES = ("boron", "fe-nd-b", "li-co-o", "cu-si-p", "cu-si-p-ca")
VARIANTS = """\
variants:
  quick:
    sampling: {structures: 4}
    guidance:
      strengths: [0.2]
    constraints:
      co_o_6:
        terms: [{kind: coordination, center: Co, neighbor: O, target: 6}]
        satisfied_within: 0.5
  other:
    campaign: elsewhere
    energy: {estimator: {kind: chgnet}}
"""


@pytest.fixture
def write(tmp_path, good, monkeypatch):
    """Writes the good file with `text` behind it; returns its path, relative to the working folder."""
    monkeypatch.chdir(tmp_path)

    def written(text=VARIANTS, *replace):
        whole = good + text
        for old, new in replace:
            assert old in whole
            whole = whole.replace(old, new)
        path = Path("file.yaml")
        path.write_text(whole)
        return path

    return written


def faults(path, **overrides):
    with pytest.raises(ConfigError) as caught:
        load_campaign(path, overrides)
    return str(caught.value).splitlines()


def line(text, path="file.yaml"):
    """The place of the only line that holds `text`."""
    (number,) = [n for n, one in enumerate(Path(path).read_text().splitlines(), 1) if text in one]
    return f"{path}:{number}"


def test_mappings_are_merged_and_the_rest_is_replaced(write):
    path = write()
    plain, quick = load_campaign(path), load_campaign(path, {"variant": "quick"})
    assert (quick.sampling.structures, quick.sampling.shard, quick.sampling.seed) == (4, 8, 7)
    assert quick.guidance.strengths == (0.2,)  # a list is replaced whole
    assert list(quick.constraints) == ["co_o_6"]  # and so is what is asked
    assert list(plain.constraints) == ["co_o_4", "volume_15"]
    assert quick.model == plain.model


def test_a_mapping_of_another_kind_is_replaced_whole(write):
    other = load_campaign(write(), {"variant": "other"})
    assert other.energy.estimator.kind == "chgnet"


def test_null_is_a_value(write):
    path = write(
        "  particles: {count: 4}\nvariants: {plain: {guidance: {particles: null}}}\n", *GUIDANCE_LAST
    )
    assert load_campaign(path).guidance.particles.count == 4
    assert load_campaign(path, {"variant": "plain"}).guidance.particles is None


GUIDANCE_LAST = [  # so that what a test adds continues the section
    ("guidance:\n  strengths: [0.1, 0.3]\n", ""),
    ("deduplicate:\n  threshold: 0.10\n", "guidance:\n  strengths: [0.1, 0.3]\n"),
]


def test_names_of_results_never_mix(write):
    path = write()
    names = {name: one.campaign for name, one in load_variants(path).items()}
    assert names == {None: "small", "quick": "small-quick", "other": "elsewhere"}
    assert load_campaign(path, {"variant": "quick", "campaign": "mine"}).campaign == "mine"
    same = write(VARIANTS, ("campaign: elsewhere", "campaign: small"))
    wrong = "'small' is the name of the campaign without a variant; allowed: a name of its own"
    (told,) = faults(same)
    assert told.startswith(f"{line('    campaign: small')}: variants.other.campaign: {wrong}")
    twice = write(VARIANTS, ("campaign: elsewhere", "campaign: small-quick"))
    assert "variants.other.campaign: 'small-quick' is the name of variant quick" in faults(twice)[0]


def test_overrides_go_over_a_variant(write):
    one = load_campaign(write(), {"variant": "quick", "sampling": {"structures": "9"}})
    assert (one.sampling.structures, one.guidance.strengths) == (9, (0.2,))
    assert faults(write(), variant="quick", sampling={"structures": "-9"})[0].startswith(
        "--config: sampling.structures: -9 is out of range"
    )


def test_a_variant_may_come_from_the_command_line(write):
    more = {"variant": "tiny", "variants": {"tiny": {"sampling": {"structures": "2"}}}}
    one = load_campaign(write(), more)
    assert (one.campaign, one.sampling.structures) == ("small-tiny", 2)
    more["variants"] = {"tiny": {"sampling": {"structures": "-2"}}}
    (told,) = faults(write(), **more)
    assert told.startswith("--config: variants.tiny.sampling.structures: -2 is out of range")


def test_the_file_may_choose_and_the_command_line_goes_first(write):
    path = write(f"variant: quick\n{VARIANTS}")
    assert load_campaign(path).variant == "quick"
    assert load_campaign(path, {"variant": "other"}).campaign == "elsewhere"
    assert load_campaign(path, {"variant": "null"}).campaign == "small"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("{structures: 4}", "{structures: -4}", "variants.quick.sampling.structures: -4 is out of range"),
        ("{structures: 4}", "{structres: 4}", "variants.quick.sampling.structres: unknown key, did you mean"),
        ("[0.2]", "[0.2, x]", "variants.quick.guidance.strengths[1]: 'x' is text"),
        ("target: 6", "taget: 6", "variants.quick.constraints.co_o_6.terms[0].taget: unknown key"),
        ("neighbor: O, target: 6", "neighbor: N, target: 6", "terms[0].neighbor: N is not in the chemical"),
        ("kind: chgnet", "kind: chgent", "variants.other.energy.estimator.kind: 'chgent' is not known"),
    ],
)
def test_faults_are_told_where_they_stand(write, old, new, told):
    path = write(VARIANTS, (old, new))
    name = "other" if "chgnet" in old else "quick"
    found = faults(path, variant=name)
    assert any(one.startswith(f"{line(new)}: variants.{name}.") and told in one for one in found), found
    load_campaign(path)  # the file itself is good
    with pytest.raises(ConfigError) as caught:  # but a broken variant is told where all are looked at
        load_variants(path)
    assert told in str(caught.value)


def test_a_fault_that_a_variant_brings_into_the_file_names_it(write):
    path = write("variants: {light: {chemical_system: Li-O}}\n")
    with pytest.raises(ConfigError) as caught:
        load_variants(path)
    (told,) = [f for f in caught.value.faults if f.key == "constraints.co_o_4.terms[0].center"]
    assert told.wrong.endswith("(in variant light)")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("variants: [quick]\n", "variants: is no mapping; allowed: a mapping of names"),
        ("variants:\n", "variants: is empty; allowed: a mapping of names"),
        ("variants: {quick: 4}\n", "variants.quick: is no mapping; allowed: a mapping with keys"),
        ("variants: {quick: {}}\n", "variants.quick: is empty"),
        ("variants: {Quick: {campaign: a}}\n", "variants.Quick: 'Quick' is no such name"),
        ("variants: {quick: {variants: {}}}\n", "variants.quick.variants: is no key of a variant"),
        ("variants: {quick: {variant: x}}\n", "variants.quick.variant: is no key of a variant"),
    ],
)
def test_what_is_no_variant_is_refused_at_once(write, text, told):
    (found,) = faults(write(text))
    assert found.startswith(f"file.yaml:{len(Path('file.yaml').read_text().splitlines())}: {told}")


@pytest.mark.parametrize(
    ("text", "asked", "told"),
    [
        (VARIANTS, "quik", "'quik' is not known, did you mean 'quick'?; allowed: quick, other"),
        (VARIANTS, "8", "8 is not known; allowed: quick, other"),
        ("", "quick", "'quick' is not known; allowed: null, for this file has no variants"),
        (VARIANTS, ["quick"], "a list or mapping is not known; allowed: quick, other"),
    ],
)
def test_an_unknown_variant_is_told_those_there_are(write, text, asked, told):
    assert faults(write(text), variant=asked) == [f"--config: variant: {told}"]
    path = write(f"variant: {asked}\n{text}")
    assert faults(path) == [f"{line(f'variant: {asked}')}: variant: {told}"]


def test_a_name_that_grows_too_long_is_told(write):
    path = write("variants: {quick: {sampling: {seed: 1}}}\n", ("campaign: small", f"campaign: {'a' * 60}"))
    (told,) = faults(path, variant="quick")
    assert told.startswith(f"{line('variants')}: variants.quick.campaign: ")


def test_without_a_variant_nothing_is_recorded_of_them(write, campaign):
    path = write()
    for stage in ("record", "report", "analyse", "measure", "hull"):
        assert settings(stage, load_campaign(path)) == settings(stage, campaign())
    assert "variant" not in resolved(load_campaign(path))
    assert resolved(load_campaign(path, {"variant": "quick"}))["variant"] == "quick"


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("variant", [[], ["--variant", "embedded"]])
def test_the_case_studies_are_good(name, variant):
    result = CliRunner().invoke(main, ["check", str(ROOT / "config" / f"{name}.yaml"), *variant])
    assert result.exit_code == 0, result.stderr
    if variant:
        assert f"{name}-embedded: " in result.stdout
        assert "checkpoint embedded" in result.stdout
    else:
        assert f"variants: embedded ({name}-embedded)" in result.stdout


@pytest.mark.parametrize("name", STUDIES)
def test_the_embedded_case_studies_use_what_comes_with_the_package(name):
    one = load_campaign(ROOT / "config" / f"{name}.yaml", {"variant": "embedded"})
    assert [source.name for source in one.references] == ["embedded"]
    assert (one.model.checkpoint, one.energy.estimator.model) == ("embedded", "embedded")


@pytest.mark.parametrize(
    ("part", "fits"),
    [
        ({"sampling": {"structures": 4}}, True),
        ({"sampling": {"structures": -4}}, False),
        ({"sampling": {"structres": 4}}, False),
        ({"variants": {}}, False),
        ({}, False),
    ],
)
def test_editors_are_told_what_a_variant_takes(good, part, fits):
    validator = jsonschema.Draft202012Validator(campaign_schema())
    document = yaml.safe_load(good) | {"variants": {"quick": part}}
    assert validator.is_valid(document) is fits


@pytest.mark.parametrize("command", ["plan", "status"])
def test_commands_take_a_variant(command):
    result = CliRunner().invoke(
        main, [command, str(ROOT / "config" / "boron.yaml"), "--variant", "embedded", "--json"]
    )
    assert result.exit_code == 0, result.stderr
    assert "boron-embedded" in result.stdout
    wrong = CliRunner().invoke(main, [command, str(ROOT / "config" / "boron.yaml"), "--variant", "x"])
    assert wrong.exit_code == 2
    assert wrong.stderr == "--variant: 'x' is not known; allowed: embedded\n"
