"""What a sampling job spends on the potential, so that it is not taken for the network's time.

Looking ahead and terms of energy ask the potential in the middle of sampling. Their seconds are those of
another program, on another device as a rule, and grow with other numbers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Seconds and evaluations of what was run inside `running`, over the life of the process."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.evaluations = 0
        """Structures evaluated, each as often as it was."""
        self._inside = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time spent inside; a part of what is counted already is not counted twice."""
        if self._inside:
            yield
            return
        self._inside, began = True, time.monotonic()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - began
            self._inside = False

    def count(self, evaluations: int) -> None:
        """So many structures were evaluated."""
        self.evaluations += evaluations


POTENTIAL = Stopwatch()
"""Of this process."""
