"""A campaign under fire: faults in a fixed order, and the shards compared with those of an undisturbed run.

    python tests/slurm/faults.py FOLDER [--seed 1] [--rounds 2]

needs a running SLURM of the tests (tests/slurm/cluster.py start). Prints a line per fault, and at the end how
many of each kind there were, how many structures were lost and how many shards differ.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from bombarded import Campaign
from cluster import Cluster

from snakemake_executor_plugin_submitit.history import Record

DISK = 8 << 20  # bytes of the small disk that holds the results
KINDS = (
    "kill sampler", "kill main", "scancel", "requeue", "USR2", "preemption", "time limit", "truncated state",
    "full disk",
)  # fmt: skip
ONCE = ("controller down", "node down")


class Faults:
    """Every kind of fault, by name; each returns what it did, or None where nothing could be hit."""

    def __init__(self, campaign: Campaign, rng: random.Random) -> None:
        self.campaign, self.cluster, self.rng = campaign, campaign.cluster, rng

    def inject(self, kind: str) -> str | None:
        """Do it."""
        done: Callable[[], str | None] = getattr(self, kind.replace(" ", "_"))
        return done()

    def kill_sampler(self) -> str | None:
        pids = self.campaign.samplers()
        if not pids:
            return None
        pid = self.rng.choice(pids)
        os.kill(pid, signal.SIGKILL)
        return f"kill -9 {pid}"

    def kill_main(self) -> str | None:
        process = self.campaign.process
        if process is None or process.poll() is not None:
            return None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(self.rng.uniform(0.0, 8.0))  # jobs go on, and may end, while nobody watches
        self.campaign.start()
        return f"kill -9 {process.pid}, started again"

    def scancel(self) -> str | None:
        return self._on_job("scancel")

    def requeue(self) -> str | None:
        return self._on_job("scontrol", "requeue")

    def USR2(self) -> str | None:  # noqa: N802
        return self._on_job("scancel", "--signal=USR2")

    def time_limit(self) -> str | None:
        """The operator shortens the limit of a running job to one minute: too short, or already over."""
        record = self._job()
        if record is None:
            return None
        limit = ("scontrol", "update", f"JobId={record.job_id}")
        if self.cluster.run(*limit, "TimeLimit=1").returncode:
            return None
        # with that limit it would come back after each batch
        threading.Timer(45.0, self.cluster.run, (*limit, "TimeLimit=10")).start()
        return f"limit of {record.job_id} set to 1 min"

    def preemption(self) -> str | None:
        """A job of a higher partition wants both GPUs."""
        if not self.campaign.running():
            return None
        wrap = ("--partition=high", "--gres=gpu:2", "--mem=100", "--output=/dev/null", "--wrap", "sleep 3")
        job = self.cluster.run("sbatch", "--parsable", *wrap).stdout.strip()
        return f"job {job} of partition high" if job else None

    def truncated_state(self) -> str | None:
        """Half of a batch file is gone, and its sampler is killed, so that the next one meets it."""
        batches, pids = self.campaign.batches(), self.campaign.samplers()
        if not batches or not pids:
            return None
        path = self.rng.choice(batches)
        try:
            with path.open("rb+") as stream:
                stream.truncate(path.stat().st_size // 2)
        except FileNotFoundError:
            return None
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return f"half of {path.relative_to(self.campaign.results)}, kill -9 {' '.join(map(str, pids))}"

    def full_disk(self) -> str | None:
        """The disk of the results fills up, for as long as a sampler needs to notice."""
        if not self.campaign.samplers():
            return None
        filler = self.campaign.folder / "results/filler"
        with suppress(OSError), filler.open("wb", buffering=0) as stream:
            while True:
                stream.write(b"\0" * 512)
        time.sleep(20.0)
        filler.unlink()
        return "20 s without a free byte"

    def controller_down(self) -> str | None:
        self.cluster.stop_controller()
        time.sleep(60.0)
        self.cluster.start_controller()
        return "60 s without slurmctld"

    def node_down(self) -> str | None:
        if not self.campaign.running():
            return None
        self.cluster.node_down("fault")
        time.sleep(5.0)
        self.cluster.node_up()
        return "the node was set down"

    def _job(self) -> Record | None:
        records = self.campaign.running()
        return self.rng.choice(records) if records else None

    def _on_job(self, *command: str) -> str | None:
        record = self._job()
        if record is None or record.job_id is None:
            return None
        done = self.cluster.run(*command, record.job_id)
        return " ".join([*command, record.job_id]) if done.returncode == 0 else None


def why_not(folder: Path) -> str | None:
    """Why a small disk cannot be mounted in `folder`, or None."""
    probe = folder / "probe"
    probe.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "tmpfs", str(probe)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return f"no small disk to be filled: {done.stderr.strip()}"
    subprocess.run(["umount", str(probe)], check=True)
    return None


def order(rng: random.Random, rounds: int) -> list[str]:
    """The faults of a run: every kind `rounds` times, the slow ones once, shuffled."""
    kinds = [*KINDS * rounds, *ONCE]
    rng.shuffle(kinds)
    return kinds


def bombard(campaign: Campaign, seed: int, rounds: int, say: Callable[[str], None]) -> Counter[str]:
    """Run the campaign and inject faults until it is over; how many of each kind were injected."""
    rng, begin = random.Random(seed), time.monotonic()
    faults, waiting, hit = Faults(campaign, rng), order(rng, rounds), Counter[str]()
    campaign.start()
    next_at = look_at = begin + 15.0
    while True:
        time.sleep(0.2)
        if campaign.over() is not None and campaign.over() != 0:
            say(f"{time.monotonic() - begin:5.0f} s  main ended with {campaign.over()}; started again")
            campaign.start()
        if campaign.over() == 0:
            return hit
        if time.monotonic() > look_at:
            look_at = time.monotonic() + 15.0
            if campaign.cluster.node_state().startswith("drain"):
                # a job cancelled while slurmctld is away may end so; SLURM leaves it to the operator
                campaign.cluster.node_up()
                say(f"{time.monotonic() - begin:5.0f} s  the node was drained by SLURM itself; resumed")
        # a fault every few seconds, as long as anything is being sampled
        if waiting and time.monotonic() > next_at and campaign.samplers():
            did = faults.inject(waiting[0])
            if did:
                kind = waiting.pop(0)
                hit[kind] += 1
                say(f"{time.monotonic() - begin:5.0f} s  {sum(hit.values()):2}  {kind}: {did}")
                next_at = time.monotonic() + rng.uniform(4.0, 10.0)
            else:
                waiting.append(waiting.pop(0))  # nothing there to be hit: later


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2, help="how often each kind of fault comes")
    arguments = parser.parse_args()
    found = compare(arguments.folder, Cluster(), arguments.seed, arguments.rounds)
    sys.exit(0 if found["lost"] == 0 and not found["different"] else 1)


def compare(
    folder: Path, cluster: Any, seed: int, rounds: int, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Undisturbed run, disturbed run, and what differs."""
    calm = Campaign(folder / "calm")
    calm.start()  # nothing to do where it is done
    assert calm.process is not None
    if calm.process.wait():
        raise RuntimeError((calm.folder / "snakemake.log").read_text()[-3000:])
    stormy = Campaign(folder / "stormy", cluster)
    disk = stormy.folder / "results"
    disk.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(disk)], check=True)
    try:
        hit = bombard(stormy, seed, rounds, say)
        good, found = calm.digests(), stormy.digests()
        different = sorted(name for name in good if found.get(name) != good[name])
        result = {
            "faults": dict(hit),
            "total": sum(hit.values()),
            "shards": len(good),
            "lost": calm.structures() - stormy.structures(),
            "different": different,
            "runs of main": stormy.runs,
        }
    finally:
        if stormy.over() is None and stormy.process is not None:
            os.killpg(stormy.process.pid, signal.SIGKILL)
        subprocess.run(["umount", "-l", str(disk)], check=False)
    say(f"{result['total']} faults: " + ", ".join(f"{n} × {kind}" for kind, n in sorted(hit.items())))
    say(
        f"{result['lost']} of {calm.structures()} structures lost, {len(different)} of {len(good)} shards "
        f"differ, main was started {stormy.runs} times"
    )
    return result


if __name__ == "__main__":
    main()
