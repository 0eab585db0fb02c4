"""What the report and the record tell of a plugin, and the hash that reruns what used it."""

from __future__ import annotations

import shutil

TOLD = """
import json
from lodestone import plugins
from lodestone.config.sections.extra_arm import ExtraArm
from lodestone.report.citations import citations
from lodestone.workflow.record import versions

works = citations({"kind": "soft_spheres"}, [], ["grid", "rss"])
print(json.dumps([
    [work.text() for work in works], [work.bibtex() for work in works],
    ExtraArm.model_fields["sampler"].description, versions().get("toy"),
]))
"""
DIGESTS = """
import json
from lodestone import plugins
print(json.dumps([plugins.digest(group) for group in ("estimators", "descriptors", "none")]))
"""


def test_its_own_words_are_told(house, houses, tmp_path):
    texts, entries, described, version = house.value(tmp_path, TOLD)
    assert sum("Soft spheres for everybody" in text for text in texts) == 1
    assert sum("Atoms on a line" in text for text in texts) == 1
    assert sum("Ab initio random structure searching" in text for text in texts) == 1
    assert entries.count("") == 2
    assert "grid (atoms on a line)" in described
    assert version == (None if house == houses["file"] else "1.0")


def test_the_hash_changes_with_the_file_behind_the_entry_point(houses, tmp_path):
    site = shutil.copytree(houses["package"].path[1], tmp_path / "site")
    house = type(houses["package"])((houses["package"].path[0], site))
    before = house.value(tmp_path, DIGESTS)
    assert len(before[0]) == len(before[1]) == 16
    assert before[2] == ""
    with (site / "toy" / "soft_spheres.py").open("a") as file:
        file.write("MORE = 1\n")
    after = house.value(tmp_path, DIGESTS)
    assert after[0] != before[0]
    assert after[1:] == before[1:]
