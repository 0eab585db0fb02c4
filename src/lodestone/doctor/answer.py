"""Judges what the test job saw on its node. Pure but for the name of this environment."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from lodestone.doctor.installation import Check

HERE = Path(__file__).resolve().parents[1]


def judged(
    answer: Mapping[str, Any], parameters: Mapping[str, Any], files: Mapping[str, str], nonce: str
) -> Iterator[Check]:
    """Checks from the answer of a node.

    Args:
        answer: What the node wrote.
        parameters: What was asked of the cluster, as for a job that samples.
        files: Names of the files that jobs read, by their paths.
        nonce: What was written for the node to read.
    """
    yield _shared(answer, nonce)
    yield _installation(answer)
    yield _gpu(answer, parameters)
    yield _cpus(answer, parameters)
    yield from _files(answer, files)
    free = float(answer["free"]) / 1e9
    yield Check("disk on the node", "good" if free > 1 else "odd", f"{free:.1f} GB free below results")


def _shared(answer: Mapping[str, Any], nonce: str) -> Check:
    if answer.get("nonce") == nonce:
        return Check("results on the node", "good", "each machine reads what the other writes")
    remedy = "run in a folder that nodes and this machine share"
    return Check(
        "results on the node", "missing", "the node reads another file than this machine wrote", remedy
    )


def _installation(answer: Mapping[str, Any]) -> Check:
    ours = (sys.prefix, str(HERE), metadata.version("lodestone"))
    theirs = (answer["prefix"], answer["package"], answer["version"])
    if theirs == ours:
        return Check("installation on the node", "good", f"lodestone {ours[2]} in {ours[0]}")
    found = (
        f"lodestone {theirs[2]} from {theirs[1]} in {theirs[0]}; here {ours[2]} from {ours[1]} in {ours[0]}"
    )
    remedy = (
        "one environment at one path that nodes share; look at submitit-setup, PYTHONPATH and VIRTUAL_ENV"
    )
    return Check("installation on the node", "odd", found, remedy)


def gpus_asked(parameters: Mapping[str, Any]) -> str | None:
    """What of GPUs a submission asks for, in words; None for none."""
    number, gres = parameters.get("gpus_per_node"), str(parameters.get("slurm_gres", ""))
    if number:
        return f"{number} GPU{'s' if number > 1 else ''}"
    return gres if gres.startswith("gpu") else None


def _gpu(answer: Mapping[str, Any], parameters: Mapping[str, Any]) -> Check:
    torch, wanted = answer["torch"], gpus_asked(parameters)
    if "error" in torch:
        return Check("torch on the node", "missing", torch["error"], "run `make setup`")
    version = f"torch {torch['version']}, imported in {torch['seconds']} s"
    if wanted is None:
        more = f" (there is a {torch['gpu']})" if torch["cuda"] else ""
        return Check("device on the node", "good", f"CPU, no GPU is asked for{more}; {version}")
    visible = f"CUDA_VISIBLE_DEVICES={answer['visible'] or ''}"
    if torch["cuda"]:
        return Check("device on the node", "good", f"{torch['gpu']}; {visible}; {version}")
    found = f"{wanted} asked for, {visible}, but torch sees none; {version}"
    if "+cpu" in torch["version"]:
        remedy = "this torch is built without CUDA: `make setup DEVICE=cuda`"
    else:
        remedy = "look at `nvidia-smi` in a job: the driver may be missing or older than this torch needs"
    return Check("device on the node", "odd", found, f"{remedy}; jobs would sample on CPUs")


def _cpus(answer: Mapping[str, Any], parameters: Mapping[str, Any]) -> Check:
    wanted, found = int(parameters["cpus_per_task"]), int(answer["cpus"])
    text = f"{found} usable, {wanted} asked for"
    if found < wanted:
        return Check(
            "CPUs on the node", "odd", text, "cpus_per_task of the profile, or how the cluster binds them"
        )
    return Check("CPUs on the node", "good", text)


def _files(answer: Mapping[str, Any], files: Mapping[str, str]) -> Iterator[Check]:
    seen = answer["files"]
    for path, name in files.items():
        if seen.get(path):
            yield Check(f"{name} on the node", "good", path)
        else:
            remedy = "put it where nodes see it, at the same path"
            yield Check(f"{name} on the node", "missing", f"no file {path} there", remedy)
