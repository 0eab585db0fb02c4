"""Permission: functions of a campaign file run where the user gives the flag, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from lodestone.cli import main
from lodestone.config import ConfigError, arms, load_campaign, shards
from lodestone.config.load import load_variants
from lodestone.constraints.functions import sha256
from lodestone.workflow.settings import resolved
from lodestone.workflow.stages import settings

TERM = "      - {kind: function, function: 'own.py:atoms', target: 4, tolerance: 0.5}\n"
LINE = "      - {kind: coordination, center: Co, neighbor: O, target: 4, cutoff: 2.6}\n"
STAGES = ("references", "measure", "relax", "symmetrize", "screen", "novelty", "energy", "hull", "analyse")
ALLOW = {"allow_functions": True}
VARIANT = """\
variants:
  quick:
    constraints:
      small:
        terms: [{kind: function, function: 'other.py:atoms', target: {lower: 3}}]
        satisfied_within: 0.5
"""


@pytest.fixture
def file(tmp_path, good, monkeypatch):
    """A campaign file with a function in its first constraint, in the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text("open('ran', 'w')\ndef atoms(structure): return len(structure)\n")
    Path("other.py").write_text("def atoms(structure): return len(structure)\n")
    assert LINE in good
    path = Path("file.yaml")
    path.write_text(good.replace(LINE, LINE + TERM))
    yield path
    assert not Path("ran").exists()  # reading a campaign runs nothing


def append(file, text):
    file.write_text(file.read_text() + text)


def faults(file, **overrides):
    with pytest.raises(ConfigError) as caught:
        load_campaign(file, overrides)
    return str(caught.value).splitlines()


def line(file, text):
    (number,) = [i for i, found in enumerate(file.read_text().splitlines(), 1) if text in found]
    return f"{file}:{number}"


def test_without_the_flag_the_fault_says_what_would_run_and_how_to_allow_it(file):
    (fault,) = faults(file)
    short = sha256("own.py")[:12]
    assert fault == (
        f"{line(file, 'own.py')}: constraints.co_o_4.terms[1].function: would run atoms of own.py (sha256 "
        f"{short}), which is not allowed yet; allowed: only with `--config allow_functions=true` of "
        "snakemake, or `--allow-functions` of lodestone"
    )


@pytest.mark.parametrize("given", [True, "true", "True"])
def test_with_the_flag_terms_have_the_hash_of_their_file(file, given):
    campaign = load_campaign(file, {"allow_functions": given})
    assert campaign.constraints["co_o_4"].terms[1].sha256 == {"own.py": sha256("own.py")}
    assert "allow_functions" not in resolved(campaign)


@pytest.mark.parametrize("given", [False, "false"])
def test_a_flag_that_says_no_is_none(file, given):
    assert "which is not allowed yet" in faults(file, allow_functions=given)[0]


def test_another_value_is_a_fault(file):
    assert faults(file, allow_functions="perhaps") == [
        "--config: allow_functions: 'perhaps' is no truth value; allowed: true, false"
    ]


@pytest.mark.parametrize("where", ["", "variants:\n  quick:\n    "])
def test_the_file_cannot_give_the_flag(file, where):
    append(file, f"{where}allow_functions: true\n")
    chosen = {"variant": "quick"} if where else {}
    for flag in ({}, ALLOW):
        (fault,) = faults(file, **chosen, **flag)
        key = "variants.quick.allow_functions" if where else "allow_functions"
        assert fault.startswith(f"{line(file, 'allow_functions')}: {key}: is no key of a campaign file")
        assert "`--allow-functions` of lodestone" in fault


def test_a_hash_in_the_file_is_no_permission_and_pins_the_file(file):
    known = sha256("own.py")
    text = file.read_text()
    file.write_text(text.replace("target: 4, tol", f"sha256: {{own.py: {known}}}, target: 4, tol"))
    assert "which is not allowed yet" in faults(file)[0]
    assert load_campaign(file, ALLOW)
    file.write_text(text.replace("target: 4, tol", f"sha256: {{own.py: {'a' * 64}}}, target: 4, tol"))
    (fault,) = faults(file, **ALLOW)
    assert f"is of another file than own.py (sha256 {known[:12]})" in fault


@pytest.mark.parametrize(
    ("old", "new", "key", "wrong"),
    [
        ("own.py:atoms", "none.py:atoms", "function", "there is no file none.py"),
        ("own.py:atoms", "own.py:many", "function", "own.py defines no many"),
        ("own.py:atoms", "own.txt:atoms", "function", "no module own.txt is installed"),
        ("target: 4, tol", "arguments: {r: 2}, target: 4, tol", "function", "atoms takes no argument r"),
        ("target: 4, tol", "steer_by: 'own.py:way', target: 4, tol", "steer_by", "own.py defines no way"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_function_is_told_with_and_without_the_flag(file, old, new, key, wrong):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    for flag in ({}, ALLOW):
        found = [f for f in faults(file, **flag) if "not allowed yet" not in f]
        assert len(found) == 1
        assert f"constraints.co_o_4.terms[1].{key}: {wrong}" in found[0]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("target: 4, tol", "target: {higher: x}, tol", "target.higher"),
        ("target: 4, tol", "target: 4, value_unit: 3, tol", "value_unit"),
        ("target: 4, tol", "target: 4, steer_arguments: {r: 1}, tol", "steer_arguments"),
        ("'own.py:atoms'", "'own.py'", "function"),
        ("function: 'own.py:atoms', ", "", "function"),
    ],
)
def test_faults_of_a_function_stand_at_their_keys(file, old, new, key):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    (fault,) = faults(file, **ALLOW)
    assert fault.partition(": ")[2].startswith(f"constraints.co_o_4.terms[1].{key}: ")


def test_stages_that_use_a_function_depend_on_its_file_and_no_others(file):
    def slices():
        campaign = load_campaign(file, ALLOW)
        named = {arm.name: arm for arm in arms(campaign)}
        found = {stage: settings(stage, campaign) for stage in STAGES}
        for name in ("unguided", "control", "co_o_4-s0.1", "volume_15-s0.1"):
            found[name] = settings(
                "sample", campaign, arm=named[name], shard=shards(campaign, named[name])[0]
            )
        return found

    before = slices()
    Path("own.py").write_text("def atoms(structure): return 1\n")
    after = slices()
    assert {name for name in before if before[name] != after[name]} == {
        "measure",
        "relax",
        "analyse",
        "co_o_4-s0.1",
    }


def test_variants_need_the_flag_too(file):
    append(file, VARIANT)
    with pytest.raises(ConfigError) as caught:
        load_variants(file)
    first, second = str(caught.value).splitlines()
    assert "constraints.co_o_4.terms[1].function: would run atoms of own.py" in first
    assert second.startswith(line(file, "other.py"))
    assert "variants.quick.constraints.small.terms[0].function: would run atoms of other.py" in second
    found = load_variants(file, allow_functions=True)
    assert list(found) == [None, "quick"]
    assert found["quick"].constraints["small"].terms[0].sha256 == {"other.py": sha256("other.py")}


def test_overrides_name_functions_too(file, good):
    file.write_text(good)
    term = {"kind": "function", "function": "own.py:atoms", "target": 4}
    asked = {"constraints": {"own": {"terms": [term], "satisfied_within": 1}}}
    (fault,) = faults(file, **asked)
    assert fault.startswith("--config: constraints.own.terms[0].function: would run atoms of own.py")
    assert load_campaign(file, asked | ALLOW).constraints["own"].terms[0].sha256


@pytest.mark.parametrize(
    "command",
    [("check",), ("plan",), ("status",), ("doctor", "--config"), ("references", "build"),
     ("measure", "own.xyz", "--constraint", "co_o_4", "--config")],
)  # fmt: skip
def test_commands_that_read_a_campaign_want_the_flag(file, command):
    Path("own.xyz").write_text("1\n\nH 0 0 0\n")
    *words, _ = (*command, None)
    found = CliRunner().invoke(main, [*words, str(file)])
    assert found.exit_code == 2
    assert "would run atoms of own.py" in found.output


def test_check_tells_what_may_run(file):
    found = CliRunner().invoke(main, ["check", str(file), "--allow-functions"])
    assert found.exit_code == 0, found.output
    assert f"allowed to run: atoms of own.py (sha256 {sha256('own.py')[:12]})" in found.output
    assert CliRunner().invoke(main, ["plan", str(file), "--allow-functions"]).exit_code == 0
