rule deduplicate:
    """Find the same structure among the screened ones of an arm, and one representative of each."""
    input:
        symmetrized=PATHS.stage("{arm}", "symmetrized"),
        screened=PATHS.stage("{arm}", "screened"),
    output:
        output=PATHS.stage("{arm}", "duplicates"),
    log:
        LODESTONE.log("deduplicate", "arm"),
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=LODESTONE.settings("deduplicate"),
        code=LODESTONE.code("deduplicate"),
    message:
        "deduplicate {wildcards.arm}"
    script:
        "../scripts/deduplicate.py"
