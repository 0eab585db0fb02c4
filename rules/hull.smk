rule hull:
    """Distances to the convex hull of the references, its audit, the error and agreement of estimators."""
    input:
        LODESTONE.several.makers,
        symmetrized=LODESTONE.tables("symmetrized"),
        energies=LODESTONE.tables("energy"),
        references=PATHS.references,
        reference_energies=PATHS.reference_energies,
        other_energies=LODESTONE.several.energies,
        other_reference_energies=LODESTONE.several.reference_energies,
    output:
        output=PATHS.hull,
        audit=PATHS.hull_audit,
        estimator_error=PATHS.estimator_error,
    log:
        LODESTONE.log("hull"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=60,
    params:
        **LODESTONE.several.agreement,
        settings=LODESTONE.settings("hull"),
        code=LODESTONE.code("hull"),
    message:
        "convex hull"
    script:
        "../scripts/hull.py"
