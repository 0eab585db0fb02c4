"""The term of any Python function: what it is worth, what it does to gradients, and what it leaves alone."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from crystals import arrays, clean
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lodestone.constraints import terms_of
from lodestone.constraints.clean import CleanEstimate
from lodestone.constraints.descriptors.coordination import Coordination
from lodestone.constraints.descriptors.function import UNDEFINED, Function
from lodestone.constraints.functions import FunctionRefusedError, sha256
from lodestone.constraints.measurement import measure, measure_table
from lodestone.sampling.guidance import Objective
from lodestone.structures import table

CU, NACL = bulk("Cu", "fcc", a=3.6), bulk("NaCl", "rocksalt", a=5.6)
FLAT = Atoms("Cu", cell=[3, 3, 0.1], pbc=True)
CODE = """\
import random
import numpy as np
import torch

SEEN = []

def atoms(structure):
    return len(structure)

def volume(structure, scale=1.0):
    return structure.get_volume() / len(structure) * scale

def mutates(structure):
    structure.positions[:] = 0
    structure.numbers[:] = 1
    return 1

def odd(structure):
    if len(structure) == 1:
        raise ValueError("one atom is too few")
    return 7

def none(structure):
    return None

def nan(structure):
    return float("nan")

def text(structure):
    return "seven"

def true(structure):
    return True

def leaves(structure):
    raise SystemExit(3)

def exhausted(structure):
    raise MemoryError

def draws(structure):
    torch.set_default_dtype(torch.float64)
    return random.random() + np.random.rand() + float(torch.rand(()))

def gradient(structure):
    x = torch.ones((), requires_grad=True)
    (x * 3).backward()
    return float(x.grad)

def many(structures):
    SEEN.append(len(structures))
    if any(len(s) == 1 for s in structures):
        raise ValueError("one atom is too few")
    return [len(s) for s in structures]
many.batched = True

def short(structures):
    return [1.0]
short.batched = True

def halfway(structure):
    return 0.5
"""
Make = Callable[..., Function]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes terms of the functions above, allowed to run."""
    path = tmp_path / "own.py"
    path.write_text(CODE)

    def term(name: str, target: Any = 2, **keys: Any) -> Function:
        data = {"function": f"{path}:{name}", "target": target, "sha256": {str(path): sha256(str(path))}}
        return Function.model_validate(
            data | {k: f"{path}:{v}" if k == "steer_by" else v for k, v in keys.items()}
        )

    return term


def test_the_value_is_that_of_the_function_on_the_structure(make: Make) -> None:
    assert make("atoms").hard(*arrays(NACL)) == 2
    assert make("volume", arguments={"scale": 2}).hard(*arrays(CU)) == pytest.approx(2 * 3.6**3 / 4)
    assert make("true").hard(*arrays(CU)) == 1


def test_clean_estimates_have_the_values_of_their_most_probable_elements(make: Make) -> None:
    term, batch = make("volume", target=[10, 12]), clean(CU, NACL)
    blurred = CleanEstimate(batch.frac + 3, batch.cell, 0.6 * batch.types + 0.004, batch.structure_idx)
    expected = [term.gap(float(term.hard(*arrays(a)) or 0)) for a in (CU, NACL)]
    assert expected[1] == pytest.approx(5.6**3 / 8 - 12)
    for one in (batch, blurred):
        assert term.gap(term.smooth(one)).abs().tolist() == pytest.approx(np.abs(expected))


@pytest.mark.parametrize("target", [2.5, [1, 2], {"values": [1, 3]}, {"lower": 0}, {"higher": 9}])
def test_what_is_not_defined_has_the_worst_gap_whatever_the_target(make: Make, target: Any) -> None:
    for name in ("none", "nan"):
        term = make(name, target=target)
        assert term.gap(term.smooth(clean(CU, NACL))).abs().tolist() == [UNDEFINED] * 2
        assert term.hard(*arrays(CU)) is None


@given(st.floats(0, 49), st.sampled_from([2.5, [1, 2], {"values": [1, 3]}, {"lower": 0}, {"higher": 9}]))
def test_steer_by_gives_the_gap_itself(gap: float, target: Any) -> None:
    term = Function.model_validate({"function": "a.py:f", "target": target, "steer_by": "a.py:g"})
    term.__dict__["steering"] = lambda structures: [gap] * len(structures)
    assert term.gap(term.smooth(clean(CU))).abs().tolist() == pytest.approx([gap], abs=1e-6)


def test_steer_by_steers_and_function_judges(make: Make) -> None:
    term = make("atoms", target=1, steer_by="halfway")
    assert term.gap(term.smooth(clean(CU, NACL))).abs().tolist() == [0.5, 0.5]
    assert [term.hard(*arrays(a)) for a in (CU, NACL)] == [1, 2]


def test_what_raises_loses_one_structure_is_counted_and_said_once(make: Make) -> None:
    term = make("odd", target=7)
    with pytest.warns(UserWarning, match="raised ValueError: one atom is too few") as said:
        gaps = [term.gap(term.smooth(clean(CU, NACL, CU))).abs().tolist(), term.hard(*arrays(CU))]
    assert gaps == [[UNDEFINED, 0, UNDEFINED], None]
    assert len(said) == 1
    assert (term.judging.calls, term.judging.undefined, term.judging.raised) == (4, 3, 3)
    assert term.hard(*arrays(NACL)) == 7


@pytest.mark.parametrize("name", ["leaves", "text"])
def test_neither_an_exit_nor_a_text_ends_the_batch(make: Make, name: str) -> None:
    with pytest.warns(UserWarning, match="raised"):
        assert make(name).hard(*arrays(CU)) is None


def test_exhausted_memory_is_for_the_sampler_to_deal_with(make: Make) -> None:
    with pytest.raises(MemoryError):
        make("exhausted").smooth(clean(CU))


def test_a_batched_function_sees_all_at_once_and_one_that_raises_loses_no_other(make: Make) -> None:
    term = make("many")
    batch = clean(NACL, NACL, NACL)
    assert term.gap(term.smooth(batch)).tolist() == [0, 0, 0]
    seen = term.judging._call.__globals__["SEEN"]
    assert seen == [3]
    with pytest.warns(UserWarning, match="one atom"):
        assert term.gap(term.smooth(clean(NACL, CU, NACL))).tolist() == [0, UNDEFINED, 0]
    assert make("short").judging([NACL, FLAT, NACL]) == [
        1,
        None,
        1,
    ]  # one number for two: each is asked alone


def test_a_cell_without_thickness_is_given_to_no_function(make: Make) -> None:
    term = make("atoms", target=1)
    assert term.hard(*arrays(FLAT)) is None
    assert term.judging.calls == 1
    broken = clean(CU, CU)
    cells = torch.stack([broken.cell[0] * torch.nan, broken.cell[1]])
    nowhere = CleanEstimate(broken.frac, cells, broken.types, broken.structure_idx)
    assert term.gap(term.smooth(nowhere)).abs().tolist() == [UNDEFINED, 0]
    frac = torch.tensor([[torch.inf] * 3, [0.0] * 3], dtype=broken.frac.dtype)
    lost = CleanEstimate(frac, broken.cell, broken.types, broken.structure_idx)
    assert term.gap(term.smooth(lost)).abs().tolist() == [UNDEFINED, 0]


def test_gradients_leave_it_out_and_do_not_call_it(make: Make) -> None:
    batch = clean(NACL, CU)
    leaf = batch.frac.clone().requires_grad_()
    moved = CleanEstimate(leaf, batch.cell, batch.types, batch.structure_idx)
    alone = make("atoms", target=9)
    gap = Objective((alone,)).gap(moved)
    (found,) = torch.autograd.grad(gap.sum(), leaf)
    assert not found.any()
    assert not gap.any()
    assert alone.judging.calls == 0
    pair = Coordination.model_validate({"center": "Na", "neighbor": "Cl", "target": 4, "cutoff": 3.2})
    shifted = CleanEstimate(
        leaf + 0.01 * torch.eye(3)[:, :3].to(leaf), batch.cell, batch.types, batch.structure_idx
    )
    with_it = torch.autograd.grad(Objective((pair, alone)).gap(shifted).sum(), leaf, retain_graph=True)[0]
    without = torch.autograd.grad(Objective((pair,)).gap(shifted).sum(), leaf)[0]
    assert without[:2].any()
    assert torch.allclose(with_it, without, atol=1e-6)


def seed() -> None:
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002 - the state that users' functions draw from
    torch.manual_seed(5)


def drawn() -> tuple[float, float, list[float]]:
    return random.random(), np.random.rand(), torch.rand(3).tolist()  # noqa: NPY002


def test_a_function_disturbs_no_random_state_and_is_one_of_the_structure(make: Make) -> None:
    term = make("draws", target=0)
    seed()
    untouched = drawn()
    seed()
    first, second = (term.hard(*arrays(a)) for a in (CU, NACL))
    assert drawn() == untouched
    assert first == second
    assert torch.get_default_dtype() == torch.float32


def test_a_function_may_differentiate_and_change_its_structure(make: Make) -> None:
    with torch.no_grad():
        assert make("gradient").gap(make("gradient").smooth(clean(CU))).tolist() == [1]
    term, atoms = make("mutates", target=1), NACL.copy()
    crystal = arrays(atoms)
    assert term.hard(*crystal) == 1
    assert crystal[0].tolist() == [11, 17]


def test_the_table_of_measurements_keeps_every_row(make: Make) -> None:
    term = make("odd", target=7).model_dump(mode="json")
    raw = table.from_ase(["a", "b", "c"], [CU, NACL, NACL]).with_columns(
        failed=pl.Series([False, False, True])
    )
    asked = {"own": {"terms": [term], "combine": 2.0, "satisfied_within": 0.5}}
    with pytest.warns(UserWarning, match="one atom"):
        found = measure_table(raw, asked)
    assert found["own.values"].to_list() == [[None], [7.0], [None]]
    assert found["own.satisfied"].to_list() == [False, True, False]


def test_without_permission_nothing_runs(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\ndef f(s): return 1\n")
    term = Function.model_validate({"function": f"{tmp_path / 'own.py'}:f", "target": 1})
    for ask in (
        lambda: term.bound(None),
        lambda: term.smooth(clean(CU)),
        lambda: measure([term], 2, 1, *arrays(CU)),
    ):
        with pytest.raises(FunctionRefusedError, match="without permission"):
            ask()  # type: ignore[no-untyped-call]
    assert not (tmp_path / "ran").exists()


def test_settings_carry_the_permission(make: Make) -> None:
    (term,) = terms_of({"terms": [make("atoms").model_dump(mode="json")]})
    assert isinstance(term, Function)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert term.bound(None).hard(*arrays(NACL)) == 2  # type: ignore[arg-type]


def test_a_binding_leaves_the_term_as_it_was(make: Make) -> None:
    term = make("atoms")
    term.bound(None).hard(*arrays(CU))  # type: ignore[arg-type]
    assert term == make("atoms")


def test_words_and_unit() -> None:
    term = Function.model_validate({"function": "a/b.py:gap", "target": {"lower": 1}, "value_unit": "eV"})
    assert term.describe() == "gap of a/b.py: at most 1 eV"
    assert term.unit == "eV"
    with pytest.raises(ValidationError, match="there is no steer_by"):
        Function.model_validate({"function": "a.py:f", "target": 1, "steer_arguments": {"a": 1}})
