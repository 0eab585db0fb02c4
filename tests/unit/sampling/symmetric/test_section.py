"""The section of the sampler in a campaign."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lodestone.sampling.samplers.symmetric import Symmetric


def test_the_defaults_are_those_that_are_documented() -> None:
    section = Symmetric()
    assert (section.kind, section.generator, section.proposals) == ("symmetric", "prototypes", 50)
    assert (section.elements, section.draw) == ("assigned", "even")
    assert (section.space_groups, section.compositions, section.training_steps) == (None, None, None)
    assert section.needs_proposals
    assert section.can_be_guided
    assert not section.uses_forces


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"space_groups": [2, 231]}, "less than or equal to 230"),
        ({"space_groups": [2, 14, 2]}, "2 is there twice"),
        ({"space_groups": []}, "at least 1 item"),
        ({"proposals": 0}, "greater than or equal to 1"),
        ({"elements": "free"}, "'assigned' or 'quota'"),
        ({"draw": "best"}, "'weight' or 'even'"),
        ({"training_steps": 100}, "which is not trained"),
        ({"symmetry": 2}, "Extra inputs"),
    ],
)
def test_faults_are_told(given: dict, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Symmetric.model_validate(given)


def test_every_key_is_described() -> None:
    described = {name for name, field in Symmetric.model_fields.items() if field.description}
    assert described == set(Symmetric.model_fields)
    assert Symmetric.model_validate({"generator": "learned", "training_steps": 100}).training_steps == 100
