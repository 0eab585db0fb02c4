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
        mem_mb=1000,
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
    output:
        output=report(PATHS.report, caption="../workflow/report/page.rst", category="Report"),
    log:
        LODESTONE.log("report"),
    threads: 1
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        settings=LODESTONE.settings("report"),
        code=LODESTONE.code("report"),
        directory=str(PATHS.directory),
    message:
        "report of {LODESTONE.campaign.campaign}"
    script:
        "../scripts/report.py"
