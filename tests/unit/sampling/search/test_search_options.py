"""From the sections of an arm's sampler to the options of a search."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lodestone.sampling.samplers.gss import Gss
from lodestone.sampling.samplers.rss import Rss
from lodestone.sampling.search.options import DriftOptions, RandomOptions, SearchOptions, options_of


def test_defaults_of_sections_and_options_agree() -> None:
    gss = options_of({"sampler": Gss().model_dump(mode="json")})
    rss = options_of({"sampler": Rss().model_dump(mode="json")})
    assert gss == SearchOptions(drift=DriftOptions(strength=Gss().strength))
    assert rss == SearchOptions()
    assert rss.drift.strength == 0


def test_every_key_arrives() -> None:
    given = {
        "strength": 0.3, "start": 0.4, "period": 3, "mobility": 0.2, "longest_step": 0.1, "relax_steps": 7,
        "largest_force": 0.01, "repulsion": {"share": 0.5, "stiffness": 9.0},
    }  # fmt: skip
    found = options_of({"sampler": Gss.model_validate(given).model_dump(mode="json")})
    assert found == SearchOptions(DriftOptions(0.3, 0.4, 3, 0.2, 0.1), RandomOptions(), 7, 0.01, 0.5, 9.0)
    rss = Rss.model_validate({"volume": [0.5, 2.0], "separation": 0.6, "relax_steps": 0})
    found = options_of({"sampler": rss.model_dump(mode="json")})
    assert found == SearchOptions(start=RandomOptions((0.5, 2.0), 0.6), relax_steps=0)


@pytest.mark.parametrize(
    ("model", "wrong"),
    [
        (Gss, {"strength": 1.5}), (Gss, {"start": 0.0}), (Gss, {"period": 0}), (Gss, {"mobility": 0.0}),
        (Gss, {"repulsion": {"share": 1.0}}), (Gss, {"volume": [1.0, 2.0]}), (Rss, {"volume": [2.0, 1.0]}),
        (Rss, {"separation": 0.0}), (Rss, {"strength": 0.5}),
    ],
)  # fmt: skip
def test_nonsense_is_refused(model: type[Gss | Rss], wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(wrong)
