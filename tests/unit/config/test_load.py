import copy
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lodestone.config import ConfigError, load_campaign
from lodestone.config.campaign import Campaign
from lodestone.config.faults import faults
from lodestone.config.sections.model import PUBLISHED
from lodestone.energies.estimators.grace import GRACE_PUBLISHED
from lodestone.schema.errors import ConfigError as Error
from lodestone.schema.yaml_file import read_strictly
from lodestone.schema.yaml_reader import Document, parse, scalar

ROOT = Path(__file__).resolve().parents[3]
WHOLE = yaml.safe_load((ROOT / "config" / "default.yaml").read_text(encoding="utf-8"))


def test_a_good_file_is_read_with_all_defaults(campaign):
    found = campaign()
    assert found.campaign == "small"
    assert found.elements == ("Co", "Li", "O")
    assert found.canonical_system == "Co-Li-O"
    assert found.guidance.strengths == (0.1, 0.3)
    assert found.constraints["co_o_4"].terms[0].cutoff == 2.6
    assert found.screen.volume_per_atom == (3.0, 100.0)
    assert [source.name for source in found.references] == ["embedded"]


def test_a_campaign_cannot_be_changed(campaign):
    with pytest.raises(ValueError, match="frozen"):
        campaign().sampling.structures = 3


def test_plain_values_follow_yaml_1_2():
    text = (
        "a: No\nb: 1e-3\nc: 010\nd: 2026-04-14\ne: 1:30\nf: on\ng: ~\nh: -.5\ni: +.inf\nj: '1'\nk: TRUE\nl:\n"
    )
    found = parse(text, "x.yaml").data
    assert found == {
        "a": "No", "b": 0.001, "c": 10, "d": "2026-04-14", "e": "1:30", "f": "on", "g": None, "h": -0.5,
        "i": float("inf"), "j": "1", "k": True, "l": None,
    }  # fmt: skip
    assert [type(found[key]) for key in "bck"] == [float, int, bool]


def test_anchors_and_merge_keys_are_understood():
    text = "base: &b {x: 1, y: 2}\nown: {<<: *b, y: 3}\nboth: {<<: [*b, {x: 9, z: 4}]}\n"
    found = parse(text, "x.yaml")
    assert found.data["own"] == {"x": 1, "y": 3}
    assert found.data["both"] == {"x": 1, "y": 2, "z": 4}
    assert found.place(("own", "y")) == "x.yaml:2"


def test_a_byte_order_mark_does_no_harm(good, tmp_path):
    path = tmp_path / "campaign.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + good.encode())
    assert load_campaign(path).campaign == "small"


def test_overrides_merge_deeply_and_read_texts_as_snakemake_leaves_them(campaign):
    found = campaign(sampling={"structures": "8", "atoms": {"max": "6"}}, guidance={"strengths": ["0.2"]})
    assert found.sampling.structures == 8
    assert found.sampling.atoms.max == 6
    assert found.sampling.seed == 7
    assert found.guidance.strengths == (0.2,)


def test_faults_of_overrides_are_placed_there(good, tmp_path):
    path = tmp_path / "campaign.yaml"
    path.write_text(good)
    with pytest.raises(ConfigError) as raised:
        load_campaign(path, {"sampling": {"structures": "-4", "sed": 1}, "report": {"best": 0}})
    assert [(f.where, f.key) for f in raised.value.faults] == [
        ("--config", "report.best"),
        ("--config", "sampling.sed"),
        ("--config", "sampling.structures"),
    ]


def test_overrides_leave_the_callers_mapping_alone(good, tmp_path):
    path = tmp_path / "campaign.yaml"
    path.write_text(good)
    overrides = {"sampling": {"structures": "8"}}
    load_campaign(path, overrides)
    assert overrides == {"sampling": {"structures": "8"}}


def test_read_strictly_tells_lines(good, tmp_path):
    path = tmp_path / "campaign.yaml"
    path.write_text(good)
    found = read_strictly(path)
    assert found.place(("guidance", "strengths", 1)) == f"{path}:18"
    assert found.place(("guidance", "nothing")) == f"{path}:17"


def test_published_names_are_those_of_the_packages():
    from importlib.util import find_spec

    mattergen = Path(find_spec("mattergen").origin).parent / "common" / "utils" / "data_classes.py"
    listed = mattergen.read_text().partition("PRETRAINED_MODEL_NAME = Literal[")[2].partition("]")[0]
    assert set(PUBLISHED) == set(json.loads(f"[{listed.strip().rstrip(',')}]"))
    grace = Path(find_spec("tensorpotential").origin).parent / "calculator" / "foundation_models.py"
    text = grace.read_text()
    for name in GRACE_PUBLISHED:
        assert f'"{name.removesuffix("-fp64")}"' in text, name


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_no_file_breaks_the_reader(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(Error):
        load_campaign(path)


YAMLISH = st.text(alphabet="ab:-[]{}&*!<|>#%@'\", \n\t0.1~?", max_size=60)


@settings(max_examples=300, deadline=None)
@given(YAMLISH)
def test_no_text_breaks_the_parser(text):
    try:
        parse(text, "x.yaml")
    except Error as error:
        assert all(fault.where.startswith("x.yaml:") for fault in error.faults)  # noqa: PT017


def paths(value, path=()):
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths(inner, (*path, key))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["kind", "grace"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["kind", "a", "min"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(paths(WHOLE), key=str)), JSON, st.booleans())
def test_any_value_at_any_key_is_accepted_or_told_as_a_fault(path, value, beside):
    data = copy.deepcopy(WHOLE)
    holder = data
    for part in path[:-1]:
        holder = holder[part]
    if beside and isinstance(holder, dict):
        holder["another_key"] = value
    else:
        holder[path[-1]] = value
    document = Document(data, {(): "x.yaml:1"})
    try:
        Campaign.model_validate(data)
    except ValueError as error:
        found = faults(error, document)
        assert found
        assert all(fault.key and fault.wrong and fault.allowed for fault in found)


@given(st.floats(allow_nan=False) | st.integers() | st.booleans() | st.none())
def test_scalars_survive_being_written(value):
    from tools.documentation.keys import flow

    text = flow(value) if value not in {float("inf"), float("-inf")} else f"{'-' if value < 0 else ''}.inf"
    assert scalar(text) == value


def test_shares_of_sizes_have_numbers_as_keys(campaign):
    found = campaign(("{min: 1, max: 10}", "{distribution: {4: 0.25, 12: 0.75}}")).sampling.atoms
    assert found.distribution == {"4": 0.25, "12": 0.75}
    assert found.most == 12


def test_a_composition_decides_the_number_of_atoms(campaign):
    edit = ("  atoms: {min: 1, max: 10}", "  composition: {Li: 1, Co: 1, O: 2}\n  formula_units: [1, 4]")
    assert campaign(edit).sampling.most_atoms == 16


def template(tmp_path, **keys):
    from ase import Atoms
    from ase.io import write

    path = tmp_path / "host.cif"
    sites = [[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0]]
    write(path, Atoms("CoO2", cell=[3, 4, 5], scaled_positions=sites, pbc=True))
    return {"atoms": {"min": 1, "max": 20}, "template": {"file": str(path), **keys}}


def test_a_template_is_read_when_it_is_checked(campaign, tmp_path):
    found = campaign(sampling=template(tmp_path, fix=["positions", "cell"], atoms=[0, 2])).sampling.template
    assert found.fix == ("positions", "cell")
    with pytest.raises(ConfigError, match=r"template\.atoms\[1\]: .* has no atom 3; allowed: .* 0 to 2"):
        campaign(sampling=template(tmp_path, atoms=[0, 3]))
    (tmp_path / "host.cif").write_text("something else")
    with pytest.raises(ConfigError, match=r"sampling\.template\.file: .* is not readable"):
        campaign(sampling={"atoms": {"max": 20}, "template": {"file": str(tmp_path / "host.cif")}})


def test_a_changed_template_changes_its_slice(campaign, tmp_path):
    from lodestone.config import arms, shards
    from lodestone.workflow.stages import settings as stage_settings

    def part():
        found = campaign(sampling=template(tmp_path))
        arm = arms(found)[0]
        return stage_settings("sample", found, arm=arm, shard=shards(found, arm)[0])["sampling"]

    before = part()
    assert "composition" not in before
    text = (tmp_path / "host.cif").read_text()
    after = part()
    assert before == after
    (tmp_path / "other.cif").write_text(text + "\n# edited\n")
    moved = campaign(sampling=template(tmp_path) | {"template": {"file": str(tmp_path / "other.cif")}})
    arm = arms(moved)[0]
    found = stage_settings("sample", moved, arm=arm, shard=shards(moved, arm)[0])["sampling"]
    assert found["template"]["sha256"] != before["template"]["sha256"]
