rule analyse:
    """Join every table, test whether guidance worked, rank, and choose the best candidates."""
    input:
        LODESTONE.tables("measured", "relaxed", "symmetrized", "screened"),
        LODESTONE.tables("duplicates", "novelty", "energy"),
        PATHS.references,
        PATHS.reference_sources,
        PATHS.reference_energies,
        PATHS.hull,
        PATHS.hull_audit,
        PATHS.estimator_error,
        LODESTONE.pilots,
        hull=LODESTONE.hull_of_terms,
    output:
        *LODESTONE.statistics(
            "success.parquet",
            "rates.tsv",
            "rates.parquet",
            "quality.tsv",
            "quality.parquet",
            "cost.tsv",
            "cost.parquet",
        ),
        *LODESTONE.statistics("attrition.parquet", "attrition_reasons.tsv", "attrition_reasons.parquet"),
        *LODESTONE.statistics("pareto.parquet", "diversity.parquet", "distributions.parquet"),
        *LODESTONE.statistics("joint.tsv", "joint.parquet"),
        *LODESTONE.statistics("search.tsv", "search.parquet", "strictness.tsv", "strictness.parquet"),
        candidates=PATHS.candidates,
        success=report(
            PATHS.statistics / "success.tsv",
            caption="../workflow/report/success.rst",
            category="Guidance",
            labels={"what": "table: every comparison"},
        ),
        attrition=report(
            PATHS.statistics / "attrition.tsv",
            caption="../workflow/report/attrition.rst",
            category="Curation",
            labels={"what": "table: structures left after each stage"},
        ),
        pareto=report(
            PATHS.statistics / "pareto.tsv",
            caption="../workflow/report/pareto.rst",
            category="Candidates",
            labels={"what": "table: ranks of candidates and references"},
        ),
        diversity=report(
            PATHS.statistics / "diversity.tsv",
            caption="../workflow/report/diversity.rst",
            category="Candidates",
            labels={"what": "table: diversity of each arm"},
        ),
        distributions=PATHS.statistics / "distributions.tsv",
        best=directory(PATHS.best),
        summary=PATHS.statistics / "summary.json",
    log:
        LODESTONE.log("analyse"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=60,
    params:
        settings=LODESTONE.settings("analyse"),
        code=LODESTONE.code("analyse"),
        directory=str(PATHS.directory),
    message:
        "analyse {LODESTONE.campaign.campaign}"
    script:
        "../scripts/analyse.py"
