rule record:
    """Write down what made the campaign: resolved settings, versions, hashes of references, weights and results."""
    input:
        references=PATHS.references,
        candidates=PATHS.candidates,
    output:
        output=PATHS.record,
    log:
        LODESTONE.log("record"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=30,
    params:
        settings=LODESTONE.settings("record"),
        code=LODESTONE.code("record"),
    message:
        "record of {LODESTONE.campaign.campaign}"
    script:
        "../scripts/record.py"


rule report:
    """Write the page that a chemist reads: what was asked, whether it worked, the best candidates."""
    input:
        PATHS.record,
        PATHS.candidates,
        PATHS.best,
        PATHS.references,
        PATHS.reference_sources,
        PATHS.reference_energies,
        PATHS.hull,
        PATHS.hull_audit,
        PATHS.estimator_error,
        *LODESTONE.pilots,
        *LODESTONE.statistics("summary.json", "rates.parquet", "success.parquet", "quality.parquet"),
        *LODESTONE.statistics("cost.parquet"),
        *LODESTONE.statistics("attrition.parquet", "attrition_reasons.parquet"),
        *LODESTONE.statistics("pareto.parquet", "diversity.parquet", "distributions.parquet"),
        *LODESTONE.statistics("joint.parquet", "search.parquet", "strictness.parquet"),
    output:
        output=report(
            PATHS.report,
            caption="../workflow/report/page.rst",
            category="Report",
            labels={"what": "page: the whole report"},
        ),
    log:
        LODESTONE.log("report"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=30,
    params:
        settings=LODESTONE.settings("report"),
        code=LODESTONE.code("report"),
        directory=str(PATHS.directory),
    message:
        "report of {LODESTONE.campaign.campaign}"
    script:
        "../scripts/report.py"


rule figures:
    """Write the figures of the report by category, one page each, for `snakemake --report`."""
    input:
        PATHS.record,
        PATHS.candidates,
        PATHS.best,
        PATHS.references,
        PATHS.reference_sources,
        PATHS.reference_energies,
        PATHS.hull,
        PATHS.hull_audit,
        PATHS.estimator_error,
        *LODESTONE.pilots,
        *LODESTONE.statistics("summary.json", "rates.parquet", "success.parquet", "quality.parquet"),
        *LODESTONE.statistics("cost.parquet"),
        *LODESTONE.statistics("attrition.parquet", "attrition_reasons.parquet"),
        *LODESTONE.statistics("pareto.parquet", "diversity.parquet", "distributions.parquet"),
        *LODESTONE.statistics("joint.parquet", "search.parquet", "strictness.parquet"),
    output:
        guidance=report(
            PATHS.figures("guidance"),
            caption="../workflow/report/guidance.rst",
            category="Guidance",
            labels={"what": "figures: rates, sweeps of strength, cost"},
        ),
        constraints=report(
            PATHS.figures("constraints"),
            caption="../workflow/report/constraints.rst",
            category="Constraints",
            labels={"what": "figures: distributions and fronts"},
        ),
        stability=report(
            PATHS.figures("stability"),
            caption="../workflow/report/stability.rst",
            category="Stability",
            labels={"what": "figures: hull and its audit"},
        ),
        candidates=report(
            PATHS.figures("candidates"),
            caption="../workflow/report/candidates.rst",
            category="Candidates",
            labels={"what": "figures: diversity and space groups"},
        ),
        curation=report(
            PATHS.figures("curation"),
            caption="../workflow/report/curation.rst",
            category="Curation",
            labels={"what": "figures: attrition and quality"},
        ),
        estimator=report(
            PATHS.figures("estimator"),
            caption="../workflow/report/estimator.rst",
            category="Estimator",
            labels={"what": "figures: error of the energies"},
        ),
        sources=report(
            PATHS.figures("sources"),
            caption="../workflow/report/sources.rst",
            category="Sources",
            labels={"what": "table: known crystals"},
        ),
    log:
        LODESTONE.log("figures"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=30,
    params:
        settings=LODESTONE.settings("figures"),
        code=LODESTONE.code("figures"),
        directory=str(PATHS.directory),
    message:
        "figures of {LODESTONE.campaign.campaign}"
    script:
        "../scripts/figures.py"
