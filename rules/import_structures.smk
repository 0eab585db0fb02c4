rule import_structures:
    """Take structures from elsewhere as the raw samples of an arm; those that cannot be read are marked."""
    output:
        output=PATHS.samples("{arm}", "0000"),
    log:
        LODESTONE.log("import_structures", "arm"),
    wildcard_constraints:
        arm=LODESTONE.imported_arms,
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=60,
    params:
        settings=LODESTONE.settings("import_structures"),
        code=LODESTONE.code("import_structures"),
    message:
        "import {wildcards.arm}"
    script:
        "../scripts/import_structures.py"
