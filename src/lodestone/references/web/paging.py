"""All pages of a query, counted against what the server announces.

Finished pages are kept on disk, so that a killed build asks only for the pages that are left.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lodestone.references.source import IncompleteError, Progress
from lodestone.references.web.fetch import LATER, Check, Client, ForeignLinkError, shown
from lodestone.runtime.files import write_text
from lodestone.runtime.signals import stop_if_asked

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


MOST_PAGES = 10_000
"""Of one chemical system; a server that goes on longer never ends."""
LONGEST_PAUSE = 60.0
"""Seconds between two pages, whatever a server asks for."""
Entry = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """What one page says."""

    entries: list[Entry]
    next: str | None
    """Address of the page after it; None: this is the last one."""
    expected: int | None = None
    """Entries that the whole query has, as the server says."""
    promises_more: bool = False
    """The server says that there is more, whether or not it says where."""
    pause: float = 0.0
    """Seconds that the server asks to wait before the next page."""


@dataclass(frozen=True)
class Query:
    """How a query is asked, and how its pages are read."""

    url: str
    """Of the first page."""
    request: dict[str, Any]
    """What is asked; kept pages of another request are not used."""
    check: Check
    """What is wrong with the content of a page."""
    read: Callable[[Entry, str], Page]
    """A page from its content and its address; raises ForeignLinkError."""
    id_of: Callable[[Entry], str | None]


@dataclass
class Found:
    """The entries of a query so far."""

    entries: dict[str, Entry] = field(default_factory=dict)
    """By their ids."""
    unnamed: list[Entry] = field(default_factory=list)
    """Entries without an id."""
    repeated: int = 0
    """Entries with an id that had come before."""
    announced: list[int] = field(default_factory=list)
    """What pages said about how many entries the query has, each number once."""
    first: Entry = field(default_factory=dict)
    """Content of the first page."""
    fault: str | None = None
    """Why this may not be everything."""

    @property
    def n_entries(self) -> int:
        """Different entries."""
        return len(self.entries) + len(self.unnamed)

    @property
    def expected(self) -> int | None:
        """Entries that the query has, as the server says; where it changes its mind, the most."""
        return max(self.announced, default=None)

    def add(self, content: Entry, page: Page, id_of: Callable[[Entry], str | None]) -> int:
        """Take the entries of a page; gives how many were new."""
        before = self.n_entries
        self.first = self.first or content
        if page.expected is not None and page.expected not in self.announced:
            self.announced.append(page.expected)
        for entry in page.entries:
            name = id_of(entry)
            if name is None:
                self.unnamed.append(entry)
            elif name in self.entries:
                self.repeated += 1
            else:
                self.entries[name] = entry
        return self.n_entries - before


def collect(query: Query, client: Client, pages: KeptPages, progress: Progress) -> Found:
    """Every entry of a query; where they are not as announced, all is asked once more.

    If they are still not, but at least as many as announced, they are taken: nothing is missing.

    Raises:
        IncompleteError: fewer came than were announced, or the links lead nowhere, twice.
        ReferenceSourceError: the server cannot be had.
    """
    found = _all_pages(query, client, pages, progress)
    if found.fault is not None:
        pages.forget()
        found = _all_pages(query, client, pages, progress)
    if found.fault is not None and (found.expected is None or found.n_entries < found.expected):
        pages.forget()
        raise IncompleteError(
            f"{client.name}: {found.fault}, also when asked once more, at {shown(query.url)}; {LATER}"
        )
    return found


def _all_pages(query: Query, client: Client, pages: KeptPages, progress: Progress) -> Found:
    found, asked = Found(), set[str]()
    url: str | None = query.url
    while url is not None:
        content, is_kept = _content(len(asked), url, query, client, pages)
        asked.add(url)
        try:
            page = query.read(content, url)
        except ForeignLinkError as error:
            found.fault = f"the link to the next page is refused: {error}"
            return found
        new = found.add(content, page, query.id_of)
        progress(found.n_entries, found.expected)
        found.fault = _miscounted(found, page) if page.next is None else _astray(page.next, new, asked)
        url = page.next if found.fault is None else None
        if url is not None and not is_kept:
            time.sleep(min(LONGEST_PAUSE, page.pause))
    return found


def _content(index: int, url: str, query: Query, client: Client, pages: KeptPages) -> tuple[Entry, bool]:
    """Content of a page, and whether it was kept from before."""
    kept = pages.find(index, url)
    if kept is not None:
        return kept, True
    stop_if_asked(f"{index} pages of {client.name} are kept")
    content = client.get(url, query.check)
    pages.keep(index, url, content)
    return content, False


def _astray(url: str, new: int, asked: set[str]) -> str | None:
    """Why the next page is not worth asking for; None: it is."""
    if url in asked:
        return f"the link to the next page leads in a circle: {shown(url)}"
    if new == 0:
        return f"a page of nothing new still links to a next one: {shown(url)}"
    if len(asked) >= MOST_PAGES:
        return f"no end after {MOST_PAGES} pages"
    return None


def _miscounted(found: Found, last: Page) -> str | None:
    """Why the entries are not all, or not those of one state of the database; None: they are."""
    if len(found.announced) > 1:
        return f"the database changed: it announced {' and then '.join(map(str, found.announced))} entries"
    if found.expected is not None and found.n_entries != found.expected:
        return f"{found.n_entries} entries came of {found.expected} that it announced"
    if found.expected is None and last.promises_more:
        return f"{found.n_entries} entries came, and no link to those that it says are left"
    return None
