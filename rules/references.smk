rule references:
    """Gather the known crystals of the chemical system from the campaign's sources, in their order.

    The profiles for clusters run it on the machine that runs Snakemake (submitit-here): what the store of
    references lacks is fetched here, and compute nodes often have no network.
    """
    output:
        output=PATHS.references,
        sources=PATHS.reference_sources,
    log:
        LODESTONE.log("references"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1500 * attempt,
        runtime=60,
    params:
        settings=LODESTONE.settings("references"),
        code=LODESTONE.code("references"),
    message:
        "references of {LODESTONE.campaign.chemical_system}"
    script:
        "../scripts/references.py"
