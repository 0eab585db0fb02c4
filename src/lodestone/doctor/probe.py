"""What a node sees, written to a file: `python -m lodestone.doctor.probe ANSWER QUESTION`.

The question is a JSON file beside the answer, both in the folder of results, so that each of the two machines
reads what the other has written.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import lodestone
from lodestone.runtime import gpu
from lodestone.runtime.device import VARIABLE
from lodestone.runtime.files import write_json


def look(question: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Everything that the doctor compares with what it sees itself."""
    return {
        "nonce": question.get("nonce"),
        "host": socket.gethostname(),
        "prefix": sys.prefix,
        "package": str(Path(str(lodestone.__file__)).resolve().parent),
        "version": metadata.version("lodestone"),
        "job": os.environ.get("SLURM_JOB_ID"),
        "cpus": len(os.sched_getaffinity(0)),
        "device": os.environ.get(VARIABLE),
        "free": shutil.disk_usage(folder).free,
        "files": {path: Path(path).is_file() for path in question.get("files", [])},
        "torch": torch_sees(),
    }


def torch_sees() -> dict[str, Any]:
    """What torch and the system say about GPUs (`gpu.Sight`); the error where torch cannot be imported."""
    begin = time.monotonic()
    try:
        found = asdict(gpu.look())
        return found | {"seconds": round(time.monotonic() - begin, 1)}
    except Exception as error:  # noqa: BLE001  # whatever a broken installation raises is the finding
        return {"error": f"{type(error).__name__}: {error}"}


def main(answer: Path, question: Path) -> None:
    """Read the question, look around, write the answer."""
    asked = json.loads(question.read_text(encoding="utf-8"))
    write_json(answer, look(asked, answer.parent))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
