"""Rebuilds the embedded assets from what the dependencies bundle: `make embedded`.

References (prototypes relaxed with CHGNet, about 20 CPU-minutes), a GRACE model fitted to CHGNet
labels (about 15), a MatterGen checkpoint trained on the references (about 30), and its measured
quality (about 15 per seed). Every step resumes after a kill from files below work/embedded.
"""

import os
import sys
from pathlib import Path

from training.references.prototypes import SYSTEMS as QUOTAS

# `python` is the one that runs Snakemake, whose environment need not be activated
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])

WORK = Path("work/embedded")
ASSETS = Path("src/lodestone/embedded")
SYSTEMS = list(QUOTAS)
SORTED = ["-".join(sorted(system.split("-"))) for system in SYSTEMS]
SEEDS = [1, 2]
SHIPPED = 1  # the training seed whose checkpoint is committed
STEPS = 12000


wildcard_constraints:
    system="[A-Za-z-]+",
    seed=r"\d+",


rule all_assets:
    """Everything that is committed below src/lodestone/embedded."""
    input:
        ASSETS / "references.parquet",
        ASSETS / "grace" / "weights.npz",
        ASSETS / "mattergen" / "card.md",


rule relax_prototypes:
    """Decorate and relax the prototypes of one system, chunk by chunk."""
    output:
        touch(WORK / "references" / "{system}.done"),
    log:
        WORK / "logs" / "relax-{system}.log",
    threads: 1
    resources:
        mem_mb=2500,
        runtime=120,
    params:
        state=WORK / "references",
    shell:
        "python -W ignore scripts/embedded_references.py {wildcards.system} --state {params.state} --steps 60 2> {log}"


rule assemble_references:
    """Put the relaxed chunks together, with CHGNet's hull."""
    input:
        expand(WORK / "references" / "{system}.done", system=SYSTEMS),
    output:
        ASSETS / "references.parquet",
    log:
        WORK / "logs" / "assemble.log",
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        chunks=WORK / "references",
    shell:
        "python -W ignore scripts/embedded_assemble.py {params.chunks}/*.parquet --output {output}"
        " --retrieved $(date -u +%F) 2> {log}"


rule label_for_grace:
    """Label distorted copies of the relaxed structures with CHGNet."""
    input:
        expand(WORK / "references" / "{system}.done", system=SYSTEMS),
    output:
        touch(WORK / "grace" / "labels.done"),
    log:
        WORK / "logs" / "label.log",
    threads: 1
    resources:
        mem_mb=2500,
        runtime=120,
    params:
        state=WORK / "grace",
        references=WORK / "references",
    shell:
        "python -W ignore scripts/embedded_grace.py label --references {params.references}"
        " --state {params.state} 2> {log}"


rule fit_grace:
    """Fit the GRACE model and write its weights and card."""
    input:
        WORK / "grace" / "labels.done",
    output:
        ASSETS / "grace" / "weights.npz",
    log:
        WORK / "logs" / "fit.log",
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        state=WORK / "grace",
        references=WORK / "references",
        output=ASSETS / "grace",
    shell:
        "python -W ignore scripts/embedded_grace.py fit --references {params.references}"
        " --state {params.state} --output {params.output} 2> {log}"


rule train_mattergen:
    """Train the MatterGen checkpoint with one seed; resumes from its own state file."""
    input:
        expand(WORK / "references" / "{system}.done", system=SYSTEMS),
    output:
        WORK / "mattergen" / "seed{seed}" / "checkpoints" / "last.ckpt",
        WORK / "mattergen" / "seed{seed}" / "config.yaml",
    log:
        WORK / "logs" / "train-{seed}.log",
    threads: 1
    resources:
        mem_mb=2500,
        runtime=180,
    params:
        chunks=WORK / "references",
        state=lambda wildcards: WORK / "mattergen" / f"seed{wildcards.seed}.pt",
        output=lambda wildcards: WORK / "mattergen" / f"seed{wildcards.seed}",
        steps=STEPS,
    shell:
        "python -W ignore scripts/embedded_mattergen.py {params.chunks}/*.parquet --state {params.state}"
        " --output {params.output} --steps {params.steps} --seed {wildcards.seed} 2> {log}"


rule measure_quality:
    """Plain samples of one system from one training seed, every one counted."""
    input:
        WORK / "mattergen" / "seed{seed}" / "checkpoints" / "last.ckpt",
    output:
        WORK / "quality" / "seed{seed}-{system}.json",
    log:
        WORK / "logs" / "quality-{seed}-{system}.log",
    threads: 1
    resources:
        mem_mb=2500,
        runtime=60,
    params:
        chunks=WORK / "references",
        checkpoint=lambda wildcards: WORK / "mattergen" / f"seed{wildcards.seed}",
        state=lambda wildcards: WORK / "quality" / f"seed{wildcards.seed}" / wildcards.system,
    shell:
        "python -W ignore scripts/embedded_evaluate.py {params.chunks}/*.parquet"
        " --checkpoint {params.checkpoint} --system {wildcards.system} --structures 256"
        " --state {params.state} --output {output} > {log} 2>&1"


rule ship_mattergen:
    """Copy the shipped seed's checkpoint and write its card."""
    input:
        quality=expand(WORK / "quality" / "seed{seed}-{system}.json", seed=SEEDS, system=SORTED),
        weights=expand(WORK / "mattergen" / "seed{seed}" / "checkpoints" / "last.ckpt", seed=SEEDS),
    output:
        ASSETS / "mattergen" / "card.md",
        ASSETS / "mattergen" / "card.json",
        ASSETS / "mattergen" / "config.yaml",
        ASSETS / "mattergen" / "checkpoints" / "last.ckpt",
    log:
        WORK / "logs" / "ship.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        checkpoint=WORK / "mattergen" / f"seed{SHIPPED}",
        assets=ASSETS,
        steps=STEPS,
    shell:
        "python scripts/embedded_card.py {input.quality} --checkpoint {params.checkpoint}"
        " --assets {params.assets} --training-steps {params.steps} 2> {log}"
