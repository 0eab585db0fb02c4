"""One job at a time per state folder, also where a scheduler runs the same job twice.

The lock is advisory (flock) and ends with its process, however that ends. It lies in the state folder and
goes with it: a job that has waited for a lock that is gone finds the work done, or begins it anew.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lodestone.runtime.files import make_folder, remove_empty, when_there_is_space
from lodestone.runtime.signals import stop_if_asked

NAME = ".lock"
PAUSE = 1.0  # seconds between two looks at a lock that another job holds
NO_LOCKS = (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK)
Sleep = Callable[[float], None]


@contextmanager
def alone(state: Path, output: Path, sleep: Sleep = time.sleep) -> Iterator[bool]:
    """Hold `state` for this process; waits for another one that holds it.

    Gives False where that one has written `output` meanwhile, so that nothing is left to do.
    """
    before = _version(output)
    while True:
        with _opened(state) as lock:
            _take(lock, state, sleep)
            if _is_there(lock, state):
                try:
                    yield True
                finally:
                    lock.close()
                    if not (state / NAME).exists():  # some file systems keep a folder while a file is open
                        remove_empty(state, up_to="state")
                return
        if _version(output) not in (None, before):
            print(f"{output} was written by the job that was waited for", file=sys.stderr, flush=True)
            yield False
            return


def _opened(state: Path) -> io.FileIO:
    def attempt() -> io.FileIO:
        while True:
            make_folder(state)
            with suppress(FileNotFoundError):  # removed by the job that just finished
                return (state / NAME).open("ab+", buffering=0)

    return when_there_is_space(state / NAME, attempt)


def _take(lock: io.FileIO, state: Path, sleep: Sleep) -> None:
    """Take the lock, after the job that holds it; without one where the file system has no locks."""
    told = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if not told:
                told = True
                print(f"waits for {_holder(lock)}, which works on {state}", file=sys.stderr, flush=True)
        except OSError as error:
            if error.errno == errno.ESTALE:  # a network file system, whose other machine removed the folder
                return
            if error.errno not in NO_LOCKS:
                raise
            where = f"{state}: its file system has no locks ({error.strerror})"
            print(f"{where}; goes on without, do not run this job twice", file=sys.stderr, flush=True)
            return
        stop_if_asked("waiting for another job")
        sleep(PAUSE)
    with suppress(OSError):  # a full disk: others are told of "another job"
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {socket.gethostname()}".encode())


def _holder(lock: io.FileIO) -> str:
    lock.seek(0)
    return lock.read().decode(errors="replace") or "another job"


def _is_there(lock: io.FileIO, state: Path) -> bool:
    """Whether this lock is still the one in the folder."""
    try:
        return os.path.samestat(os.fstat(lock.fileno()), (state / NAME).stat())
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ESTALE):
            raise
        return False


def _version(output: Path) -> tuple[int, int] | None:
    """What tells two versions of a file apart; by no clock, since machines differ in theirs."""
    try:
        status = output.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
