"""Where a batch is while it is drawn, kept on disk now and then: a killed job goes on inside the batch.

A batch is drawn by loops, one after the other: the levels of the diffusion, the steps of a finishing
relaxation. `run_shard` opens a `Bookmark` for the batch; every loop asks `loop` for its place in it, and is
`at` each of its levels. Every `LODESTONE_SAVE_EVERY` seconds (120), and at once where the job was asked to
stop, the place is kept: the level, x_t, the states of the random generators, and what the loop's members
remember. What draws the batch needs to know nothing of it.

A batch that is drawn again runs as before up to its loops, since all that comes before them follows from its
seed. A loop that was finished gives its end, the one that was not goes on, and the structures are, byte for
byte, those of an undisturbed run.

Whatever keeps something from one level to the next has `remembered` and `recall`; functions remember nothing.
A loop with another object in it is not kept inside, because nobody knows what it remembers.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch

from lodestone.runtime.checkpoints import load_sealed, save_sealed, set_aside
from lodestone.runtime.files import Patience, is_full
from lodestone.runtime.memory import is_exhausted
from lodestone.runtime.signals import asked, stop_if_asked
from lodestone.runtime.stopwatch import POTENTIAL
from lodestone.sampling.packed import pack, unpack

FORMAT = 1
"""Raised by hand where the state that loops and their members keep becomes another one."""
VARIABLE = "LODESTONE_SAVE_EVERY"
"""Environment variable: seconds between two savings inside a batch; 0: at every level."""
SECONDS = 120.0
TOLD_EVERY = 2.0  # seconds between two lines of the log, as of `runtime.progress`

Clock = Callable[[], float]
Memory = Any
"""What `packed.pack` takes: JSON-able values, with tensors and arrays among them."""


@runtime_checkable
class Remembers(Protocol):
    """Something that a level leaves in another state than it found it in."""

    def remembered(self) -> Memory:
        """All of that state."""

    def recall(self, memory: Memory) -> None:
        """Be again as when `remembered` gave this."""


class Unfit(Exception):  # noqa: N818 - the batch is drawn anew
    """What was kept is not of this batch, or not of these loops."""


def interval() -> float:
    """Seconds between two savings: two minutes, or what `LODESTONE_SAVE_EVERY` says."""
    given = os.environ.get(VARIABLE, "")
    with suppress(ValueError):
        seconds = float(given or SECONDS)
        if seconds >= 0:
            return seconds
    print(f"{VARIABLE}={given!r} is no number of seconds; saves every {SECONDS:g} s", file=sys.stderr)
    return SECONDS


def place_of(folder: Path, offset: int) -> Path:
    """Where the place inside the batch lies that begins with this structure of the shard."""
    return folder / f"begun-{offset:08d}.state"


class Bookmark:
    """The place inside one batch: the ends of its finished loops, and where the last one is."""

    def __init__(
        self,
        path: Path,
        key: Mapping[str, Any],
        *,
        name: str = "batch",
        before: str = "",
        every: float | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        """`key` tells the batch from all others; `name` is for the log, after `before` where it stops."""
        self.path, self.name, self.before, self.clock = path, name, before, clock
        self._key = {"format": FORMAT, **key}
        self._every = interval() if every is None else every
        self._entries: list[bytes] = []
        self._begun = self._saved = clock()
        self._asked = POTENTIAL.seconds
        self.earlier = 0.0
        """Seconds that earlier runs of the job spent on what was kept, without those of the potential."""
        self.loops = 0
        """Loops that were opened so far."""
        self.inside = False
        """Whether a loop is open; another one inside it is a part of its level."""
        self.moved = False
        """Whether there is anything that is not on disk."""
        self._load()

    def _load(self) -> None:
        found = _content(self.path)
        if found is None:
            return
        other = [name for name, value in self._key.items() if found["key"].get(name) != value]
        if other:
            self.set_aside(f"of another {', '.join(other)}")
            return
        self._entries = [entry.tobytes() for entry in found["loops"]]
        self.earlier = float(found["seconds"])

    def entry(self, index: int) -> bytes | None:
        """What was kept of the loop that is opened as the `index`-th, if anything."""
        return self._entries[index] if index < len(self._entries) else None

    def note(self, index: int, entry: bytes) -> None:
        """Replace what is known of a loop, and forget those after it."""
        self._entries[index:] = [entry]
        self.moved = True

    @property
    def due(self) -> bool:
        """Whether it is time to save."""
        return self.clock() - self._saved >= self._every

    def save(self) -> None:
        """Write it; where the disk is full the batch goes on without, because this only saves time."""
        now = self.clock()
        content = pack(
            {
                "key": self._key,
                "seconds": self.earlier + now - self._begun - (POTENTIAL.seconds - self._asked),
                "loops": [np.frombuffer(entry, dtype=np.uint8) for entry in self._entries],
            }
        )
        try:
            save_sealed(content, self.path, Patience(0.0))
        except OSError as error:
            if not is_full(error):
                raise
            _say(f"no space left for {self.path}: {self.name} goes on, and cannot be continued inside")
        self._saved, self.moved = self.clock(), False

    def set_aside(self, reason: str) -> None:
        """Keep the file under another name, say so, and begin anew."""
        if self.path.is_file():
            set_aside(self.path, reason, "cannot be used")
        self._entries, self.earlier = [], 0.0

    def remove(self) -> None:
        """Forget the place: the batch is finished, or will be drawn with another size."""
        self.path.unlink(missing_ok=True)


T = TypeVar("T")


def drawn(bookmark: Callable[[], Bookmark], draw: Callable[[], T]) -> tuple[T, float]:
    """What `draw` gives, continued where it was; and the seconds that earlier runs spent on it.

    What was kept and does not fit is set aside, and that of a batch too large for the memory removed.
    """
    while True:
        book = bookmark()
        try:
            with kept_in(book):
                return draw(), book.earlier
        except Unfit as error:
            if not book.path.is_file():
                raise
            book.set_aside(str(error))
        except Exception as error:
            if is_exhausted(error):
                book.remove()
            raise


def size_of(folder: Path, offset: int) -> int | None:
    """Structures of the batch that was begun at this structure of the shard, if one was."""
    found = _content(place_of(folder, offset))
    size = found["key"].get("size") if found else None
    return size if isinstance(size, int) and size > 0 else None


def _content(path: Path) -> dict[str, Any] | None:
    """What a bookmark wrote, or None; what is broken is set aside."""
    content = load_sealed(path)
    if content is None:
        return None
    try:
        found = unpack(content)
        usable = isinstance(found["key"], dict) and isinstance(found["loops"], list) and found["seconds"] >= 0
    except (ValueError, TypeError, KeyError):
        usable = False
    if usable:
        return dict(found)
    set_aside(path, "not what was written")
    return None


_current: ContextVar[Bookmark | None] = ContextVar("bookmark", default=None)


@contextmanager
def kept_in(bookmark: Bookmark) -> Iterator[None]:
    """Loops that are opened inside have their places in this bookmark."""
    token = _current.set(bookmark)
    try:
        yield
    finally:
        _current.reset(token)


def loop(
    unit: str,
    steps: int,
    members: Mapping[str, Any],
    *,
    about: Memory = None,
    device: torch.device | str = "cpu",
) -> Loop:
    """The next loop of the batch that is being drawn, of `steps` levels, with all that remembers anything.

    Members are objects that remember, NumPy's generators, functions, or None. `unit` is what the log calls a
    level; `about` is JSON-able, and what was kept of a loop about something else is of no use. Outside of
    `kept_in`, and inside another loop, nothing is kept.
    """
    bookmark, device = _current.get(), torch.device(device)
    if bookmark is None or bookmark.inside:
        return Loop(None, unit, steps, {}, None, device)
    owners = {name: _owner(member) for name, member in members.items()}
    for name, owner in owners.items():
        if not (_keeps(owner) or owner is None or isinstance(owner, FUNCTIONS)):
            lacks = f"{name}, a {type(owner).__name__}, has no `remembered` and `recall`"
            _say(f"{bookmark.name} cannot be continued inside: {lacks}")
            return Loop(None, unit, steps, {}, None, device)
    taken = {name: owner for name, owner in owners.items() if _keeps(owner)}
    kinds = {name: type(owner).__name__ for name, owner in taken.items()}
    asked_for = {"unit": unit, "members": kinds, "device": device.type, "about": about}
    return Loop(bookmark, unit, steps, taken, json.loads(json.dumps(asked_for)), device)


class Loop:
    """The place inside one loop of a batch."""

    def __init__(
        self,
        bookmark: Bookmark | None,
        unit: str,
        steps: int,
        members: Mapping[str, Any],
        about: Memory,
        device: torch.device,
    ) -> None:
        """`bookmark` None keeps nothing, and is deaf to requests to stop."""
        self._book, self._unit, self._steps = bookmark, unit, steps
        self._members, self._about, self._device = members, about, device
        self._first, self._began, self._told = 0, 0.0, -TOLD_EVERY
        if bookmark is not None:
            self._index, bookmark.inside = bookmark.loops, True
            bookmark.loops += 1

    def begin(self, x: Memory) -> tuple[int, Memory]:
        """The level to begin with, and x there: 0 and the given one, or what was kept.

        The level is the number of levels where the loop was finished, and x its end. Members and random
        generators are then as they were.

        Raises:
            Unfit: what was kept is of another loop.
        """
        book = self._book
        if book is None:
            return 0, x
        self._began = self._told = book.clock()
        entry = book.entry(self._index)
        if entry is None:
            return 0, x
        try:
            found = unpack(entry, self._device)
            other = (found["about"], found["steps"]) != (self._about, self._steps)
            if not other:
                self._restore(found)
                self._first, x = int(found["level"]), found["x"]
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError) as error:
            raise Unfit(str(error) or type(error).__name__) from error
        if other:
            raise Unfit(f"of another loop: {found['about']}, {found['steps']} steps")
        if self._first < self._steps:
            _say(f"{book.name}: continued at {self._unit} {self._first} of {self._steps}")
        return self._first, x

    def at(self, level: int, x: Memory) -> None:
        """Call it before each level with what it begins from; raises Stopped where that was asked for."""
        book = self._book
        if book is None or not (asked() or book.due):
            return
        if level > self._first or book.moved:
            self._note(level, x)
            book.save()
            self._tell(level)
        stop_if_asked(f"{book.before}{book.name} at {self._unit} {level} of {self._steps}")

    def end(self, x: Memory) -> None:
        """Call it with the end of the loop, before anything else happens to it."""
        if self._book is None:
            return
        if self._first < self._steps:
            self._note(self._steps, x)
        self._book.inside = False

    def _note(self, level: int, x: Memory) -> None:
        assert self._book is not None  # the callers have looked
        found = {
            "about": self._about,
            "steps": self._steps,
            "level": level,
            "x": x,
            "generators": self._generators(),
            "members": {name: _memory(member) for name, member in self._members.items()},
        }
        self._book.note(self._index, pack(found))

    def _generators(self) -> dict[str, Memory]:
        found: dict[str, Memory] = {"cpu": torch.get_rng_state()}
        if self._device.type == "cuda":
            found["cuda"] = torch.cuda.get_rng_state(self._device)
        return found

    def _restore(self, found: Mapping[str, Any]) -> None:
        generators = found["generators"]
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(generators["cuda"], self._device)
        for name, member in self._members.items():
            memory = found["members"][name]
            if isinstance(member, np.random.Generator):
                member.bit_generator.state = memory
            else:
                member.recall(memory)
        torch.set_rng_state(generators["cpu"])

    def _tell(self, level: int) -> None:
        """Say where the loop is, and how long its other levels will take."""
        assert self._book is not None  # the caller has looked
        now, done = self._book.clock(), level - self._first
        if done and now - self._told >= TOLD_EVERY:
            self._told = now
            left = (now - self._began) / done * (self._steps - level)
            at_most = f"at most {left:.0f} s left"
            _say(f"{self._book.name}: {self._unit} {level} of {self._steps}, {at_most}")


FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType)


def _owner(member: Any) -> Any:
    """What may remember something where a method or a function with some of its arguments is called."""
    while isinstance(member, types.MethodType | functools.partial):
        member = member.__self__ if isinstance(member, types.MethodType) else member.func
    return member


def _keeps(member: Any) -> bool:
    return isinstance(member, np.random.Generator | Remembers)


def _memory(member: Any) -> Memory:
    return member.bit_generator.state if isinstance(member, np.random.Generator) else member.remembered()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
