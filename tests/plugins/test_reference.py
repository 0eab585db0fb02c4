"""A kind of reference source, one new file or of another package, gives a campaign its known crystals."""

from __future__ import annotations

GATHERED = """
import json
from pathlib import Path
from lodestone.references.descriptions import resolve
from lodestone.references.gather import gather
from lodestone.references.store import Store

source = resolve({"kind": "archive", "name": "mine", "shelf": 3})
rows, outcomes = gather([source], ["Co", "O"], Store(Path("store")))
print(json.dumps([rows["id"].to_list(), [o.kind for o in outcomes], [o.state for o in outcomes]]))
"""


def test_a_campaign_names_it_and_its_faults_are_told(house, campaign, tmp_path):
    code, said = house.check(tmp_path, campaign(references="[{kind: archive, name: mine, shelf: 2}]"))
    assert code == 0, said
    code, said = house.check(tmp_path, campaign(references="[{kind: archive, name: mine, shelv: 2}]"))
    assert code == 2
    assert "references[0].shelv: unknown key, did you mean 'shelf'?; allowed: kind, name" in said
    assert said.startswith("toys.yaml:")


def test_it_gives_rows(house, tmp_path):
    assert house.value(tmp_path, GATHERED) == [["mine/Co-3"], ["archive"], ["complete"]]
