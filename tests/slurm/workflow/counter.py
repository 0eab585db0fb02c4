"""Counts, one step every 0.2 s, keeping the count on disk; stops after a step when it gets SIGUSR2."""

import os
import signal
import sys
import time
from pathlib import Path

name, steps, fails, output = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "True", Path(sys.argv[4])
state = Path("state") / name
state.parent.mkdir(exist_ok=True)
asked = []
signal.signal(signal.SIGUSR2, lambda *_: asked.append(True))
before = int(state.read_text()) if state.exists() else 0
with Path("starts.txt").open("a") as stream:
    stream.write(f"{name} {before} {os.environ.get('SLURM_JOB_ID')} {os.getpid()} {time.time()}\n")
if fails:
    sys.exit("ValueError: this one was told to fail")
running = Path("running") / f"{name}.{os.getpid()}"
running.parent.mkdir(exist_ok=True)
running.touch()
for step in range(before, steps):
    time.sleep(0.2)
    others = [int(p.suffix[1:]) for p in running.parent.glob(f"{name}.*") if p != running]
    if any(Path(f"/proc/{pid}").exists() for pid in others):
        Path("twice.txt").write_text(name)
    part = state.with_suffix(".part")
    part.write_text(str(step + 1))
    part.replace(state)
    if asked:
        running.unlink()
        sys.exit(75)
running.unlink()
output.write_text(f"{steps} {os.environ.get('CUDA_VISIBLE_DEVICES')}\n")
