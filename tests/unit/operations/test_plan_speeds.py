import shutil

import pytest

from lodestone.operations.speeds import Entry, Speed, by_device, is_device, own, read_table, speed, stored
from lodestone.sampling.mattergen.checkpoint import EMBEDDED
from lodestone.sampling.timing import Timing, write


def entry(**changes):
    plain = {
        "device": "cpu",
        "model": "embedded",
        "atoms": 10,
        "batch": 32,
        "evaluations": 1,
        "seconds_per_pass": 0.01,
        "source": "by hand",
    }
    return Entry(**plain | changes)


def test_the_stored_table_holds_measurements_with_their_source():
    table = read_table()
    assert table
    for one in table:
        assert one.model in {"embedded", "published"}
        assert one.seconds_per_pass > 0
        assert one.evaluations in {1, 2}
        assert len(one.source) > 20


def test_what_the_user_knows_comes_first_then_the_campaign_then_the_table(campaign, tmp_path):
    (tmp_path / "table.yaml").write_text(
        "- {device: cpu, model: embedded, atoms: 10, batch: 32, evaluations: 1,"
        " seconds_per_pass: 0.5, source: by hand}"
    )
    ask = {"table": tmp_path / "table.yaml"}
    assert speed(campaign(), tmp_path, **ask).seconds_per_pass == 0.5
    write(tmp_path / "arm" / "0000.json", Timing("cpu", 2, 10.0, 2.0))
    timed = speed(campaign(), tmp_path, **ask)
    assert (timed.seconds_per_pass, timed.measured_here) == (0.2, True)
    assert speed(campaign(), tmp_path, **ask, device="gpu") is None
    assert speed(campaign(), tmp_path, **ask, given=3.0).seconds_per_pass == 3.0


def test_timings_are_added_up_by_device(tmp_path):
    for i, timing in enumerate(
        (Timing("cpu", 2, 10.0, 2.0), Timing("NVIDIA X1", 4, 100.0, 1.0), Timing("cpu", 2, 10.0, 4.0))
    ):
        write(tmp_path / f"arm{i}" / "0000.json", timing)
    (tmp_path / "arm0" / "broken.json").write_text("{")
    found = by_device(tmp_path)
    assert {t.device: (t.passes, t.seconds) for t in found} == {"cpu": (20.0, 6.0), "NVIDIA X1": (100.0, 1.0)}
    assert own(found, None).device == "NVIDIA X1"
    assert own(found, "cpu").seconds_per_pass == pytest.approx(0.3)
    assert own(found, "h100") is None


def test_the_entry_of_the_nearest_size_is_taken_and_scaled_by_evaluations(campaign):
    table = [entry(atoms=4), entry(atoms=20, seconds_per_pass=0.03), entry(model="published", atoms=10)]
    small = stored(table, campaign(sampling={"atoms": {"max": 5}}), "cpu")
    large = stored(table, campaign(sampling={"atoms": {"max": 18}}), "cpu")
    assert (small.seconds_per_pass, large.seconds_per_pass) == (0.01, 0.03)
    assert "up to 20 atoms" in large.source
    both = stored([entry(atoms=10)], campaign(model={"guidance_factor": 2.0}), "cpu")
    assert both.seconds_per_pass == 0.02
    assert stored([entry(evaluations=2)], campaign(), "cpu").seconds_per_pass == 0.005


def test_another_model_or_device_is_not_guessed_from(campaign, tmp_path):
    assert stored([entry()], campaign(model={"checkpoint": "chemical_system"}), "cpu") is None
    (tmp_path / "own").mkdir()
    for name in ("config.yaml", "checkpoints/last.ckpt"):
        (tmp_path / "own" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "own" / name).touch()
    shutil.copy(EMBEDDED / "config.yaml", tmp_path / "own")
    own_model = campaign(model={"checkpoint": str(tmp_path / "own")})
    assert stored([entry(), entry(model="published")], own_model, "cpu") is None
    assert stored([entry(device="NVIDIA X1")], campaign(), "NVIDIA X2") is None
    assert stored([entry(device="NVIDIA X1")], campaign(), "gpu").device == "NVIDIA X1"


def test_devices_are_asked_for_by_kind_or_by_part_of_a_name():
    name = "NVIDIA H100 80GB HBM3"
    assert [is_device(name, asked) for asked in ("gpu", "h100", name, "cpu", "a100")] == [True] * 3 + [
        False
    ] * 2
    assert is_device("cpu", "CPU")
    assert not is_device("cpu", "gpu")


def test_hours_are_called_by_the_device():
    assert Speed("cpu", 1.0, "").unit == "CPU-hours"
    assert Speed("NVIDIA X1", 1.0, "").unit == "GPU-hours"
