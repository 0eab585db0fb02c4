rule deduplicate:
    """Find the same structure among the screened ones of an arm, and one representative of each.

    Finished parts survive a killed job in `state`.
    """
    input:
        symmetrized=PATHS.stage("{arm}", "symmetrized"),
        screened=PATHS.stage("{arm}", "screened"),
    output:
        output=PATHS.stage("{arm}", "duplicates"),
    log:
        LODESTONE.log("deduplicate", "arm"),
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=120,
    params:
        settings=LODESTONE.settings("deduplicate"),
        code=LODESTONE.code("deduplicate"),
        state=str(PATHS.state("{arm}", "deduplicate")),
    message:
        "deduplicate {wildcards.arm}"
    script:
        "../scripts/deduplicate.py"
