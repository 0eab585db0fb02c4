rule pilot:
    """Choose the strength for one constraint on structures of its own; what is finished survives in `state`."""
    input:
        references=PATHS.references,
        reference_energies=PATHS.reference_energies,
        hull=LODESTONE.hull_of,
    output:
        output=PATHS.pilot("{constraint}"),
        tried=PATHS.pilot("{constraint}", ".tsv"),
        structures=PATHS.pilot("{constraint}", ".parquet"),
    log:
        LODESTONE.log("pilot", "constraint"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=720,
    params:
        settings=LODESTONE.settings("pilot"),
        code=LODESTONE.code("pilot"),
        state=str(PATHS.state("pilot", "{constraint}")),
    message:
        "pilot of {wildcards.constraint}"
    script:
        "../scripts/pilot.py"
