import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from lodestone.config import load_campaign
from lodestone.workflow.jobs import FOLDER, RulesError, grouped, needs, read_rules
from lodestone.workflow.stages import NEEDS, STAGES

EVERY_RULE = """\
campaign: every
chemical_system: Li-Co-O
model: {checkpoint: embedded}
sampling: {structures: 8, shard: 8, steps: 4, atoms: {max: 10}}
constraints:
  stable:
    terms:
      - {kind: energy_above_hull, target: 0}
      - {kind: energy_above_hull, target: 0, estimator: {kind: chgnet}}
    satisfied_within: 0.1
guidance: {strengths: auto}
references: [embedded]
arms:
  - {name: mine, structures: mine.parquet}
  - {name: strict, sampler: {kind: symmetric, generator: learned, compositions: [LiCoO2]}}
energy: {estimators: [{kind: grace}, {kind: ase, calculator: emt}]}
"""


def test_the_rules_tell_what_their_jobs_ask_for():
    found = read_rules()
    assert found.keys() == NEEDS.keys()
    for name, rule in found.items():
        text = next(
            p for p in FOLDER.glob("*.smk") if f"\nrule {name}:\n" in "\n" + p.read_text()
        ).read_text()
        body = re.split(rf"(?m)^rule {name}:\n", text)[1]
        assert rule.threads == int(re.search(r"threads: (\d+)", body).group(1))
        for resource, text in (
            ("mem_mb", r"lambda wildcards, attempt: (\d+) \* attempt"),
            ("runtime", r"(\d+)"),
        ):
            assert rule.resources[resource] == int(re.search(f"{resource}={text},\n", body).group(1))
    assert list(found) == [stage.name for stage in STAGES]


def test_a_resource_that_is_computed_is_refused_with_its_place():
    body = "    resources:\n        mem_mb=lambda wildcards: 4,\n    params:\n"
    with pytest.raises(RulesError, match=r"x\.smk: rule odd: resources: 'mem_mb=lambda"):
        needs(Path("x.smk"), body, "odd")


def test_a_folder_without_the_rules_is_no_copy_of_the_workflow(tmp_path):
    with pytest.raises(RulesError, match="no rule references, "):
        read_rules(tmp_path)


def test_the_chain_of_the_rules_is_that_of_snakemake(snakemake, tmp_path):
    (tmp_path / "every.yaml").write_text(EVERY_RULE)
    (tmp_path / "mine.parquet").touch()
    drawn = snakemake(tmp_path, "--configfile", "every.yaml", "--rulegraph")
    assert drawn.returncode == 0, drawn.stderr
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', drawn.stdout))
    above = defaultdict(set)
    for before, after in re.findall(r"(\d+) -> (\d+)", drawn.stdout):
        above[names[after]].add(names[before])
    assert set(names.values()) - {"all"} == set(NEEDS)
    for rule in NEEDS:  # the graph leaves out what follows from the rest, and so may ours
        assert everything_above(rule, NEEDS) == everything_above(rule, above), rule


def everything_above(rule, graph):
    found, waiting = set(), [rule]
    while waiting:
        fresh = set(graph[waiting.pop()]) - found
        found |= fresh
        waiting += fresh
    return found


def test_rules_stand_after_those_that_they_need():
    seen = set()
    for rule, needed in NEEDS.items():
        assert set(needed) <= seen, rule
        seen.add(rule)


@pytest.mark.slow
def test_groups_are_the_jobs_that_snakemake_makes_of_them(snakemake, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "every.yaml").write_text(EVERY_RULE.replace("strengths: auto", "strengths: [0.1, 0.3]"))
    (tmp_path / "mine.parquet").touch()
    groups = {
        "measure": "curate",
        "symmetrize": "curate",
        "screen": "curate",
        "hull": "end",
        "analyse": "end",
    }
    asked = [f"{rule}={group}" for rule, group in groups.items()]
    done = snakemake(
        *(tmp_path, "--configfile", "every.yaml", "-n", "--executor", "submitit", "--jobs", "9"),
        *("--groups", *asked),
        profiles=False,
    )
    assert done.returncode == 0, done.stderr
    theirs = Counter(re.findall(r"Group job (\w+) ", done.stdout + done.stderr))
    ours = grouped(load_campaign(tmp_path / "every.yaml"), groups, {})
    joined = Counter(groups[part[0].rule] for part in ours if part[0].rule in groups)
    assert joined == theirs == {"curate": 14, "end": 1}
