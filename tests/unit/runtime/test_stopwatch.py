"""Time of the potential is counted once, and also where it ends in an error."""

import pytest

from lodestone.runtime import stopwatch
from lodestone.runtime.stopwatch import Stopwatch


@pytest.fixture
def ticking(monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr(stopwatch.time, "monotonic", lambda: float(next(now)))
    return Stopwatch()


def test_what_runs_inside_another_is_counted_once(ticking):
    with ticking.running(), ticking.running():
        ticking.count(3)
    assert (ticking.seconds, ticking.evaluations) == (1.0, 3)
    with ticking.running():
        pass
    assert ticking.seconds == 2.0


def test_an_error_stops_it(ticking):
    with pytest.raises(ValueError, match="odd"), ticking.running():
        raise ValueError("odd")
    with ticking.running():
        pass
    assert ticking.seconds == 2.0
