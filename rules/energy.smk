rule energy:
    """Energies of the symmetrised structures of an arm; finished batches survive a killed job in `state`."""
    input:
        symmetrized=PATHS.stage("{arm}", "symmetrized"),
        screened=PATHS.stage("{arm}", "screened"),
    output:
        PATHS.stage("{arm}", "energy").with_suffix(".json"),
        output=PATHS.stage("{arm}", "energy"),
    log:
        LODESTONE.log("energy", "arm"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=240,
    params:
        settings=LODESTONE.settings("energy"),
        code=LODESTONE.code("energy"),
        state=str(PATHS.state("{arm}", "energy")),
    message:
        "energies of {wildcards.arm}"
    script:
        "../scripts/energy.py"


rule reference_energy:
    """Energies of the references by the same estimator, unrelaxed, so that both sides share its errors."""
    input:
        references=PATHS.references,
    output:
        PATHS.reference_energies.with_suffix(".json"),
        output=PATHS.reference_energies,
    log:
        LODESTONE.log("reference_energy"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=240,
    params:
        settings=LODESTONE.settings("reference_energy"),
        code=LODESTONE.code("reference_energy"),
        state=str(PATHS.state("references", "energy")),
    message:
        "energies of the references"
    script:
        "../scripts/reference_energy.py"


rule other_energy:
    """Energies of the symmetrised structures of an arm by another of the campaign's estimators."""
    input:
        symmetrized=PATHS.stage("{arm}", "symmetrized"),
        screened=PATHS.stage("{arm}", "screened"),
    output:
        PATHS.energy_by("{arm}", "{estimator}").with_suffix(".json"),
        output=PATHS.energy_by("{arm}", "{estimator}"),
    log:
        LODESTONE.log("other_energy", "arm", "estimator"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=240,
    params:
        settings=LODESTONE.settings("other_energy"),
        code=LODESTONE.code("other_energy"),
        state=str(PATHS.state("{arm}", "energy-{estimator}")),
    message:
        "energies of {wildcards.arm} by {wildcards.estimator}"
    script:
        "../scripts/energy.py"


rule term_reference_energy:
    """Energies of the references by another estimator: of a term, or of the campaign."""
    input:
        references=PATHS.references,
    output:
        PATHS.energies_by("{estimator}").with_suffix(".json"),
        output=PATHS.energies_by("{estimator}"),
    log:
        LODESTONE.log("term_reference_energy", "estimator"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=240,
    params:
        settings=LODESTONE.settings("term_reference_energy"),
        code=LODESTONE.code("term_reference_energy"),
        state=str(PATHS.state("references", "energy-{estimator}")),
    message:
        "energies of the references by {wildcards.estimator}"
    script:
        "../scripts/reference_energy.py"
