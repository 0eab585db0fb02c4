rule screen:
    """Mark which structures of an arm go on, and name every reason against the others."""
    input:
        symmetrized=PATHS.stage("{arm}", "symmetrized"),
    output:
        output=PATHS.stage("{arm}", "screened"),
    log:
        LODESTONE.log("screen", "arm"),
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 1500 * attempt,
        runtime=60,
    params:
        settings=LODESTONE.settings("screen"),
        code=LODESTONE.code("screen"),
    message:
        "screen {wildcards.arm}"
    script:
        "../scripts/screen.py"
