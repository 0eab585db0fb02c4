"""Join every table of the campaign, test whether guidance worked and choose the best candidates."""

from pathlib import Path

from lodestone.runtime.files import write_json
from lodestone.workflow.script_settings import AnalyseSettings

NO_HULL: list[Path] = []  # no term needs one


def main(
    *,
    directory: Path,
    settings: AnalyseSettings,
    candidates: Path,
    success: Path,
    attrition: Path,
    pareto: Path,
    diversity: Path,
    distributions: Path,
    best: Path,
    summary: Path,
    hull: list[Path] = NO_HULL,
) -> str:
    """Read the stage tables below `directory`, write the statistics (see their schemas), give the answer.

    `hull` are the references and their energies, where a term needs them.
    """
    from lodestone.constraints.context import context_of
    from lodestone.handoff.best_folder import write_best
    from lodestone.statistics.analysis import analyse
    from lodestone.statistics.console import render
    from lodestone.statistics.plan import plan_from_settings
    from lodestone.statistics.summary import summarise
    from lodestone.structures.table import read_table, write_both, write_table
    from lodestone.workflow.paths import CampaignPaths
    from lodestone.workflow.results import read_arms, read_efforts, read_pilots, read_sources

    paths = CampaignPaths(root=directory.parent, campaign=directory.name)
    plan = plan_from_settings(settings.params() | {"pilots": read_pilots(paths, settings.arms)})
    arms = read_arms(paths, [arm.name for arm in plan.arms])
    efforts = read_efforts(paths, list(arms))
    found = analyse(
        *(arms, read_table(paths.references), read_table(paths.hull), plan, efforts),
        context=context_of(settings.params(), hull),
    )

    write_table(found.candidates, candidates)
    tables = {
        success: found.success,
        attrition: found.attrition,
        pareto: found.pareto,
        diversity: found.diversity,
        distributions: found.distributions,
        success.with_name("rates.tsv"): found.rates,
        success.with_name("quality.tsv"): found.quality,
        success.with_name("cost.tsv"): found.cost,
        distributions.with_name("joint.tsv"): found.joint,
        attrition.with_name("attrition_reasons.tsv"): found.reasons,
        success.with_name("search.tsv"): found.search,
        success.with_name("strictness.tsv"): found.strictness,
    }
    for path, table in tables.items():
        write_both(table, path)
    document = summarise(found, plan, read_sources(paths))
    document["best"] = write_best(found.candidates, document, best)
    write_json(summary, document)
    return render(document, paths.places)


if __name__ == "__main__":
    from lodestone.workflow.adapter import run

    run(main, globals())
