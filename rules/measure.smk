rule measure:
    """Measure the constraints and the validity of every raw sample of an arm."""
    input:
        samples=LODESTONE.samples_of,
        hull=LODESTONE.hull_of,
    output:
        output=PATHS.stage("{arm}", "measured"),
    log:
        LODESTONE.log("measure", "arm"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=60,
    params:
        settings=LODESTONE.settings("measure"),
        code=LODESTONE.code("measure"),
    message:
        "measure {wildcards.arm}"
    script:
        "../scripts/measure.py"
