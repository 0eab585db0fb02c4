rule relax:
    """Relax the raw samples of an arm and see which constraints persist; finished chunks survive in `state`."""
    input:
        samples=LODESTONE.samples_of,
        measured=PATHS.stage("{arm}", "measured"),
        hull=LODESTONE.hull_of,
    output:
        output=PATHS.stage("{arm}", "relaxed"),
    log:
        LODESTONE.log("relax", "arm"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=720,
    params:
        settings=LODESTONE.settings("relax"),
        code=LODESTONE.code("relax"),
        state=str(PATHS.state("{arm}", "relax")),
    message:
        "relax {wildcards.arm}"
    script:
        "../scripts/relax.py"
