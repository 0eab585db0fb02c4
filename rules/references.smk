rule references:
    """Gather the known crystals of the chemical system from the campaign's sources, in their order."""
    output:
        output=PATHS.references,
    log:
        LODESTONE.log("references"),
    threads: 1
    resources:
        mem_mb=1500,
        runtime=60,
    params:
        settings=LODESTONE.settings("references"),
        code=LODESTONE.code("references"),
    message:
        "references of {LODESTONE.campaign.chemical_system}"
    script:
        "../scripts/references.py"
