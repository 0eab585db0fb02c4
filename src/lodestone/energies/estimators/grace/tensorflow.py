"""The one place that imports TensorFlow: quietly, and `tensorpotential` first.

`tensorpotential` sets TensorFlow's Keras and numpy switches when it is imported, which works only
before TensorFlow itself is; it also prints, as TensorFlow does.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType

from lodestone.runtime.device import wanted

SETTINGS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_USE_LEGACY_KERAS": "1",
    "GRACE_NO_UPDATE_CHECK": "1",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
}


def load_tensorflow() -> ModuleType:
    """Import `tensorpotential` and then TensorFlow without a word; returns TensorFlow.

    The number of threads follows OMP_NUM_THREADS where TensorFlow's own variables are not set. A GPU
    is left alone where `LODESTONE_DEVICE` is cpu.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", threads)
        os.environ.setdefault("TF_NUM_INTEROP_THREADS", threads)
    for name in ("tensorflow", "tensorpotential", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with silence():
        import tensorpotential  # noqa: F401
        import tensorflow as tf  # isort: skip
    tf.get_logger().setLevel(logging.ERROR)
    if wanted() == "cpu":
        with contextlib.suppress(RuntimeError):  # a GPU is in use already
            tf.config.set_visible_devices([], "GPU")
    return tf


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Swallow what libraries print, warn, or write to the process's stderr from compiled code.

    For imports, loading and the first use of a model only: their errors are exceptions.
    """
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), _deaf_stderr():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _deaf_stderr() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
