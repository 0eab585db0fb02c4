rule hull:
    """Distances to the convex hull of the references, its audit, and the error of the estimator."""
    input:
        symmetrized=LODESTONE.tables("symmetrized"),
        energies=LODESTONE.tables("energy"),
        references=PATHS.references,
        reference_energies=PATHS.reference_energies,
    output:
        output=PATHS.hull,
        audit=PATHS.hull_audit,
        estimator_error=PATHS.estimator_error,
    log:
        LODESTONE.log("hull"),
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        settings=LODESTONE.settings("hull"),
        code=LODESTONE.code("hull"),
    message:
        "convex hull"
    script:
        "../scripts/hull.py"
