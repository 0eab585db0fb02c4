"""Reads a YAML file that a person wrote, strictly and of bounded size."""

from __future__ import annotations

from pathlib import Path

from lodestone.schema.errors import WHOLE_FILE, ConfigError, Fault
from lodestone.schema.yaml_reader import Document, parse

LARGEST = 256 * 1024
"""Bytes; a campaign file is written by hand."""


def read_strictly(path: Path) -> Document:
    """Plain data of a YAML file with the place of every key.

    Raises:
        ConfigError: the file is not there, too large, not UTF-8, not YAML, or has tags or duplicate keys.
    """
    return parse(_text(path), str(path))


def _text(path: Path) -> str:
    allowed = "a campaign file (YAML)"
    try:
        if path.is_dir():
            raise ConfigError([Fault(str(path), WHOLE_FILE, "is a folder", allowed)])
        if not path.exists():
            raise ConfigError([Fault(str(path), WHOLE_FILE, "does not exist", allowed)])
        if not path.is_file():
            raise ConfigError([Fault(str(path), WHOLE_FILE, "is no regular file", allowed)])
        size = path.stat().st_size
        if size > LARGEST:
            wrong = f"has {size:,} bytes"
            raise ConfigError(
                [Fault(f"{path}:1", WHOLE_FILE, wrong, f"campaign files up to {LARGEST:,} bytes")]
            )
        content = path.read_bytes()
    except OSError as error:
        wrong = f"cannot be read ({error.strerror or error})"
        raise ConfigError([Fault(str(path), WHOLE_FILE, wrong, allowed)]) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        wrong = f"byte {content[error.start]:#04x} is not UTF-8"
        raise ConfigError([Fault(f"{path}:{line}", WHOLE_FILE, wrong, "text in UTF-8")]) from None
