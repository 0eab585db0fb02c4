rule train_generator:
    """Train the generator of Wyckoff proposals of an arm; what is done survives a killed job in `state`."""
    input:
        references=PATHS.references,
    output:
        output=PATHS.generator("{arm}"),
    log:
        LODESTONE.log("train_generator", "arm"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=120,
    params:
        settings=LODESTONE.settings("train_generator"),
        code=LODESTONE.code("train_generator"),
        state=str(PATHS.state("{arm}", "generator")),
    message:
        "generator of proposals of {wildcards.arm}"
    script:
        "../scripts/train_generator.py"


rule propose:
    """Space groups and Wyckoff positions whose multiplicities add up to the formulas of an arm, ranked."""
    input:
        references=PATHS.references,
        generator=LODESTONE.generator_of,
    output:
        output=PATHS.proposals("{arm}"),
    log:
        LODESTONE.log("propose", "arm"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=60,
    params:
        settings=LODESTONE.settings("propose"),
        code=LODESTONE.code("propose"),
    message:
        "proposals of {wildcards.arm}"
    script:
        "../scripts/propose.py"
