rule sample:
    """Draw one shard of raw structures of an arm; what is finished survives in `state`."""
    input:
        pilot=LODESTONE.pilot_of,
        hull=ancient(LODESTONE.hull_of),
        proposals=LODESTONE.proposals_of,
    output:
        output=PATHS.samples("{arm}", "{shard}"),
    log:
        LODESTONE.log("sample", "arm", "shard"),
    wildcard_constraints:
        arm=LODESTONE.sampled_arms,
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2500 * attempt,
        runtime=720,
    params:
        settings=LODESTONE.settings("sample"),
        code=LODESTONE.code("sample"),
        state=str(PATHS.state("{arm}", "{shard}")),
    message:
        "sample {wildcards.arm}, shard {wildcards.shard}"
    script:
        "../scripts/sample.py"
