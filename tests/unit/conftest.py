import pytest

GOOD = """\
campaign: small
chemical_system: Li-Co-O
model: {checkpoint: embedded, guidance_factor: 1.0}
sampling:
  structures: 20
  shard: 8
  seed: 7
  atoms: {min: 1, max: 10}
constraints:
  co_o_4:
    terms:
      - {kind: coordination, center: Co, neighbor: O, target: 4, cutoff: 2.6}
    satisfied_within: 0.5
  volume_15:
    terms: [{kind: volume_per_atom, target: 15}]
    satisfied_within: 0.5
guidance:
  strengths: [0.1, 0.3]
energy:
  estimator: {kind: grace, model: embedded}
deduplicate:
  threshold: 0.10
"""


@pytest.fixture
def good():
    """Text of a campaign file without faults."""
    return GOOD


@pytest.fixture
def campaign(tmp_path):
    """Loads a campaign from the good text, changed by `replace` pairs and overrides."""
    from lodestone.config import load_campaign

    def load(*replace, **overrides):
        text = GOOD
        for old, new in replace:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "campaign.yaml"
        path.write_text(text)
        return load_campaign(path, overrides)

    return load
