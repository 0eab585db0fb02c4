rule novelty:
    """Look every representative of an arm up among the references, source after source."""
    input:
        symmetrized=PATHS.stage("{arm}", "symmetrized"),
        duplicates=PATHS.stage("{arm}", "duplicates"),
        references=PATHS.references,
    output:
        output=PATHS.stage("{arm}", "novelty"),
    log:
        LODESTONE.log("novelty", "arm"),
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=120,
    params:
        settings=LODESTONE.settings("novelty"),
        code=LODESTONE.code("novelty"),
    message:
        "novelty of {wildcards.arm}"
    script:
        "../scripts/novelty.py"
