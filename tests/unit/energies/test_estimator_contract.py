"""One contract for every kind of estimator: `lodestone.testing`."""

from __future__ import annotations

import pytest
from estimator_cases import KINDS, crystal, estimator_of

from lodestone.energies.estimators import estimator_kinds
from lodestone.energies.evaluation import described
from lodestone.energies.identity import identity
from lodestone.testing import check_estimator

IN_CASES = {settings["kind"] for settings, _ in KINDS.values()}
BY_DEFAULT = [kind for kind in estimator_kinds() if kind not in IN_CASES]
"""New kinds need no line in `estimator_cases` unless they have keys without a default."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("left_handed", [False, True])
def test_a_kind_holds_to_the_contract(kind: str, left_handed: bool) -> None:
    crystals = [
        crystal(kind, seed, left_handed=left_handed).repeat((1 + seed % 2, 1, 1)) for seed in (0, 2, 3, 1)
    ]
    check_estimator(KINDS[kind][0], [*crystals, crystal(kind, left_handed=left_handed)])


def test_new_kinds_hold_to_it_by_their_defaults() -> None:
    for kind in BY_DEFAULT:
        needed = [key for key, field in estimator_kinds()[kind].model_fields.items() if field.is_required()]
        assert not needed, f"{kind} needs {needed}: give it a line in KINDS of estimator_cases.py"
        check_estimator({"kind": kind})


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_it_is(kind: str) -> None:
    estimator = estimator_of(kind)
    settings = KINDS[kind][0]
    found = identity(settings, estimator)
    assert found["name"] == estimator.name
    assert found["kind"] == settings["kind"]
    assert found["settings"] == settings
    assert found["version"]
    assert described(estimator)["package"] == found["package"]
    if settings["kind"] != "ase":
        assert len(found["sha256"]) == 64
        assert found["precision"] == "float32"
        assert found["device"] in {"cpu", "gpu"}
