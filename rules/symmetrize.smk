rule symmetrize:
    """Standardise every sample of an arm: primitive cell, space group, and how far that moved it.

    Finished chunks survive a killed job in `state`.
    """
    input:
        samples=LODESTONE.samples_of,
    output:
        output=PATHS.stage("{arm}", "symmetrized"),
    log:
        LODESTONE.log("symmetrize", "arm"),
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 1500 * attempt,
        runtime=120,
    params:
        settings=LODESTONE.settings("symmetrize"),
        code=LODESTONE.code("symmetrize"),
        state=str(PATHS.state("{arm}", "symmetrize")),
    message:
        "symmetrize {wildcards.arm}"
    script:
        "../scripts/symmetrize.py"
