"""From the resources of a job to the parameters of submitit. Pure: equal results share an array."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from typing import Any, Protocol

DEFAULT_MINUTES = 60  # submitit's own default is five
PLAIN = {
    "slurm_partition": "slurm_partition",
    "partition": "slurm_partition",
    "slurm_account": "slurm_account",
    "account": "slurm_account",
    "qos": "slurm_qos",
    "slurm_qos": "slurm_qos",
    "constraint": "slurm_constraint",
    "slurm_constraint": "slurm_constraint",
    "gres": "slurm_gres",
    "slurm_gres": "slurm_gres",
    "slurm_exclude": "slurm_exclude",
    "slurm_nodelist": "slurm_nodelist",
}
"""Resources that go to sbatch as they are; the first two names of each mean the same."""
MANAGED = {
    "array": "submitit-array-limit, submitit-array-parallelism",
    "job-name": "nothing: the name finds the job again",
    "output": "nothing: logs are in submitit-folder",
    "error": "nothing: logs are in submitit-folder",
    "open-mode": "nothing: the log of a requeued job goes on",
    "signal": "submitit-signal-delay",
    "requeue": "nothing: jobs are always requeued",
    "no-requeue": "nothing: jobs are always requeued",
    "time": "runtime",
    "mem": "mem_mb",
    "mem-per-cpu": "mem_mb_per_cpu",
    "cpus-per-task": "threads of the rule, or set-threads of the profile",
    "gpus": "gpus",
    "gpus-per-node": "gpus",
    "gpus-per-task": "gpus",
    "partition": "slurm_partition",
    "account": "slurm_account",
    "qos": "qos",
    "constraint": "constraint",
    "gres": "gres",
    "ntasks-per-node": "nothing: a job is one task",
    "nodes": "nothing: a job runs on one node",
}
"""sbatch options that `slurm_extra` must not repeat, and what to set instead."""


class Settings(Protocol):
    """What of the executor's settings a submission depends on."""

    array_parallelism: int
    signal_delay: int
    setup: list[str]
    partition: str
    account: str
    qos: str


class ResourceError(ValueError):
    """A resource has a value that cannot be asked of the cluster."""


def parameters(resources: Mapping[str, Any], threads: int, settings: Settings) -> dict[str, Any]:
    """The parameters of submitit's AutoExecutor for a job.

    Args:
        resources: `runtime` (minutes), `mem_mb` or `mem_mb_per_cpu`, `gpus` (a number, or `kind:number`),
            `slurm_partition`, `slurm_account`, `qos`, `constraint`, `gres`, `slurm_exclude`,
            `slurm_nodelist`, `slurm_extra` (further sbatch options, as on its command line).
        threads: of the job, which are its CPUs. One number decides: `cpus_per_task` may repeat it, no more.
        settings: Of the executor.

    Raises:
        ResourceError: a value is wrong; the message names the resource and what is allowed.
    """
    cpus = max(1, int(threads))
    if (given := _number(resources, "cpus_per_task", least=1)) not in {None, cpus}:
        raise ResourceError(
            f"cpus_per_task is {given:g}, but the threads of the job are {cpus}, and one number decides: "
            f"write `set-threads: {{RULE: {given:g}}}` in the profile in place of cpus_per_task"
        )
    found: dict[str, Any] = {
        "timeout_min": math.ceil(_number(resources, "runtime", least=0.1) or DEFAULT_MINUTES),
        "cpus_per_task": cpus,
        "stderr_to_stdout": True,
        "slurm_array_parallelism": settings.array_parallelism,
        "slurm_signal_delay_s": settings.signal_delay,
        # a bare srun inside a job may get one CPU, or all of them
        "slurm_srun_args": ["--cpus-per-task", str(cpus)],
        "slurm_additional_parameters": _extra(resources) | {"requeue": True},
    }
    common = {"setup": list(settings.setup), "partition": settings.partition}
    common |= {"account": settings.account, "qos": settings.qos}
    found |= {f"slurm_{name}": value for name, value in common.items() if value}
    found |= _memory(resources) | _gpus(resources)
    for resource, parameter in PLAIN.items():
        if (value := _text(resources, resource)) is not None:
            if resource.endswith("gres") and "slurm_gres" in found:
                raise ResourceError(f"gpus and {resource} both ask for GPUs; give one of them")
            found[parameter] = value
    return found


def gpus_in_words(resources: Mapping[str, Any]) -> str | None:
    """What of GPUs these resources of a job ask for, as `gpus=1`; None where they ask for none.

    Raises:
        ResourceError: `gpus` is neither a number nor `kind:number`.
    """
    for name in ("gpus", "gpu"):
        if resources.get(name):
            return f"{name}={resources[name]}" if _gpus({name: resources[name]}) else None
    for name in ("gres", "slurm_gres"):
        if (_text(resources, name) or "").startswith("gpu"):
            return f"{name}={resources[name]}"
    return None


def summary(parameters: Mapping[str, Any]) -> str:
    """A few words on what is asked: partition, GPUs, CPUs, memory, time."""
    words = [str(parameters[key]) for key in ("slurm_partition", "slurm_qos") if key in parameters]
    gpus = parameters.get("gpus_per_node")
    words += [f"{gpus} GPU{'s' if gpus > 1 else ''}"] if gpus else []
    words += [str(parameters["slurm_gres"])] if "slurm_gres" in parameters else []
    words += [f"{parameters['cpus_per_task']} CPU{'s' if parameters['cpus_per_task'] > 1 else ''}"]
    words += [str(parameters[key]) for key in ("slurm_mem", "slurm_mem_per_cpu") if key in parameters]
    return ", ".join([*words, f"{parameters['timeout_min']} min"])


def _memory(resources: Mapping[str, Any]) -> dict[str, Any]:
    whole, each = (_number(resources, name, least=1) for name in ("mem_mb", "mem_mb_per_cpu"))
    if each:
        return {"slurm_mem_per_cpu": f"{math.ceil(each)}MB"}
    return {"slurm_mem": f"{math.ceil(whole)}MB"} if whole else {}


def _gpus(resources: Mapping[str, Any]) -> dict[str, Any]:
    value = next((resources.get(name) for name in ("gpus", "gpu") if resources.get(name)), None)
    if value is None:
        return {}
    kind, _, count = str(value).rpartition(":")
    if not count.isdigit():
        raise ResourceError(f"gpus is {value!r}; allowed: a number, or kind:number, as in a100:1")
    if kind:
        return {"slurm_gres": f"gpu:{kind}:{count}"}
    return {"gpus_per_node": int(count)} if int(count) else {}


def _extra(resources: Mapping[str, Any]) -> dict[str, Any]:
    """`slurm_extra` as submitit wants it: option without dashes -> value, or True for a flag."""
    found: dict[str, Any] = {}
    try:
        words = shlex.split(_text(resources, "slurm_extra") or "")
    except ValueError as error:
        raise ResourceError(f"slurm_extra is {resources['slurm_extra']!r}: {error}") from error
    for i, word in enumerate(words):
        if not word.startswith("--"):
            if i and words[i - 1].startswith("--") and "=" not in words[i - 1]:
                found[words[i - 1][2:]] = word
                continue
            raise ResourceError(f"slurm_extra: {word!r} is no option; write --option=value or --flag")
        name, given, value = word[2:].partition("=")
        if name in MANAGED:
            raise ResourceError(f"slurm_extra: --{name} is managed here; set instead: {MANAGED[name]}")
        found[name] = value if given else True
    return found


def _text(resources: Mapping[str, Any], name: str) -> str | None:
    value = resources.get(name)
    return None if value is None or str(value).strip() == "" else str(value)


def _number(resources: Mapping[str, Any], name: str, *, least: float) -> float | None:
    value = resources.get(name)
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ResourceError(f"{name} is {value!r}; allowed: a number of at least {least:g}") from None
    if not math.isfinite(number) or number < least:
        raise ResourceError(f"{name} is {value!r}; allowed: a number of at least {least:g}")
    return number
