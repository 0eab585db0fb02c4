"""Finished pages of a query on disk, so that a killed build asks only for the pages that are left."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from lodestone.files import write_text

LONGEST_KEPT = 24 * 3600.0
"""Seconds after which a page is asked for again: the database may have changed."""


class KeptPages:
    """Pages of one query in a folder, in their order.

    A page is given back only for the same request, by the address that was asked, while it is fresh,
    and only as long as all pages before it were kept too: old and new pages are never mixed.
    """

    def __init__(self, folder: Path, request: dict[str, Any]) -> None:
        self._folder = folder
        self._request = json.loads(json.dumps(request))
        self._follows_kept = True

    def find(self, index: int, url: str) -> dict[str, Any] | None:
        """The content of page `index`, if it is kept."""
        if not self._follows_kept:
            return None
        try:
            page = json.loads(self._path(index).read_bytes())
            age = time.time() - page["kept"]
            same = page["request"] == self._request and page["url"] == url
            content = page["content"] if same and 0 <= age < LONGEST_KEPT else None
        except (OSError, ValueError, KeyError, TypeError):  # none, or no page of ours: asked for again
            content = None
        self._follows_kept = isinstance(content, dict)
        return content if self._follows_kept else None

    def keep(self, index: int, url: str, content: dict[str, Any]) -> None:
        """Keep a finished page."""
        page = {"request": self._request, "url": url, "kept": time.time(), "content": content}
        write_text(self._path(index), json.dumps(page))

    def forget(self) -> None:
        """Throw every page away."""
        for path in self._folder.glob("page-*.json"):
            path.unlink(missing_ok=True)
        self._follows_kept = False

    def _path(self, index: int) -> Path:
        return self._folder / f"page-{index:05}.json"
