"""One page of JSON from a server that may be slow, broken, or neither.

What may pass is tried again, with exponential waits: connection errors, hangs, drips, 408, 429, 5xx, a
body that is cut off, is no JSON, or lacks what a page must hold. Other answers are final at once.

Only addresses of the server that the user named are followed.
"""

from __future__ import annotations

import json
import queue
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

import requests
import urllib3

from lodestone.references.source import ReferenceSourceError
from lodestone.references.web.settings import LONGEST_WAIT, Limits

LONGEST_LINK = 160
"""Characters of an address that a message shows."""
PORTS = {"http": 80, "https": 443}


class ForeignLinkError(ValueError):
    """A link that leads away from the server that was asked."""


def followed(asked: str, link: str) -> str:
    """The address that `link`, given by the answer to `asked`, stands for.

    A relative link is completed. Where the server was asked over https, a link of its own to http is
    followed over https: servers behind a proxy often do not know that they are.

    Raises:
        ForeignLinkError: it leads to another host or port, or away from https.
    """
    here = urlsplit(asked)
    there = urlsplit(urljoin(asked, link))
    if (here.scheme, there.scheme) == ("https", "http") and here.hostname == there.hostname:
        there = there._replace(scheme="https", netloc=here.netloc) if _is_default(there) else there
    if there.scheme not in PORTS or _place(there) != _place(here) or there.username is not None:
        raise ForeignLinkError(f"it leads away from {here.scheme}://{here.netloc}: {shown(link)}")
    return urlunsplit(there._replace(fragment=""))


def shown(url: str) -> str:
    """An address as a message shows it: readable, and cut where it is long."""
    readable = unquote(url)
    return readable if len(readable) <= LONGEST_LINK else f"{readable[:LONGEST_LINK]}…"


def _place(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, _port(url)


def _is_default(url: SplitResult) -> bool:
    return _port(url) == PORTS[url.scheme]


def _port(url: SplitResult) -> int | None:
    try:
        return url.port or PORTS.get(url.scheme)
    except ValueError:  # no number
        return -1


LARGEST_PAGE = 512 * 2**20
"""Bytes of one page, unpacked."""
PIECE = 64 * 2**10
REDIRECTS = 5
AGENT = "lodestone (a workflow for crystal structures)"
SCANNED = 2**20
"""Bytes of an answer that are looked at for what an error shows."""
SHOWN = 200
"""Characters of an answer that an error shows."""
MAY_PASS = (408, 425, 429)
LATER = "run the same again later, finished pages are kept; or take the source out of `references`"

Check = Callable[[Any], str | None]
"""What is wrong with the content of a page; None: nothing."""


class _PassingError(Exception):
    """What went wrong with one attempt that may go well the next time."""

    def __init__(self, what: str, wait: float | None = None) -> None:
        super().__init__(what)
        self.wait = wait


class _FinalError(Exception):
    """What went wrong and will again."""


@dataclass(frozen=True)
class Client:
    """Asks one source's server; `secrets` never reach a message."""

    name: str
    limits: Limits
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    refused: str = "check `url` and the names of fields of this source"
    """What to do where the server refuses."""

    def get(self, url: str, check: Check) -> dict[str, Any]:
        """The JSON at `url`.

        Raises:
            ReferenceSourceError: names source, address, what came back, how often it was tried.
        """
        begin = time.monotonic()
        for tried in range(1, self.limits.attempts + 1):
            try:
                return self._attempt(url, check)
            except _FinalError as error:
                raise self._error(f"{error}, at {shown(url)}; {self.refused}") from None
            except _PassingError as error:
                fault, wait = str(error), self._pause(tried, error.wait)
            if wait > LONGEST_WAIT:
                fault += f"; it asks to wait {wait:.0f} s"
                break
            if tried < self.limits.attempts:
                time.sleep(wait)
        times = f"{tried} time{'s' if tried > 1 else ''} in {time.monotonic() - begin:.1f} s"
        raise self._error(f"{fault} (tried {times}), at {shown(url)}; {LATER}")

    def _error(self, text: str) -> ReferenceSourceError:
        return ReferenceSourceError(f"{self.name}: {self._redacted(text)}")

    def _redacted(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text

    def _pause(self, tried: int, asked: float | None) -> float:
        """Seconds before the next attempt: what the server asks for, else doubled each time, with jitter."""
        own = min(LONGEST_WAIT, self.limits.wait * 2 ** (tried - 1)) * random.uniform(0.5, 1)
        return own if asked is None else asked

    def _attempt(self, url: str, check: Check) -> dict[str, Any]:
        """One attempt, given up after `page_time` even where the server sends a byte now and then.

        It runs in a thread of its own: no timeout of the libraries covers the look-up of a name, or
        headers that drip.
        """
        answer: queue.SimpleQueue[dict[str, Any] | Exception] = queue.SimpleQueue()
        deadline = time.monotonic() + self.limits.page_time

        def work() -> None:
            try:
                answer.put(self._page(url, check, deadline))
            except Exception as error:  # noqa: BLE001 - handed to the thread that waits
                answer.put(error)

        threading.Thread(target=work, daemon=True, name=f"page of {self.name}").start()
        try:
            found = answer.get(timeout=self.limits.page_time)
        except queue.Empty:
            raise self._too_slow() from None
        if isinstance(found, Exception):
            raise found
        return found

    def _too_slow(self) -> _PassingError:
        return _PassingError(f"no whole answer within {self.limits.page_time:g} s")

    def _page(self, url: str, check: Check, deadline: float) -> dict[str, Any]:
        try:
            with requests.Session() as session:
                session.headers["User-Agent"] = AGENT
                status, headers, body = self._answer(session, url, deadline)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _PassingError(_brief(self._redacted(_root(error)))) from None
        text = _brief(self._redacted(body[:SCANNED].decode("utf-8", "replace")))
        if status in MAY_PASS or status >= 500:
            raise _PassingError(f"HTTP {status}: {text}", _retry_after(headers.get("Retry-After")))
        if status != 200:
            raise _FinalError(f"HTTP {status}: {text}")
        return _content(body, text, check)

    def _answer(
        self, session: requests.Session, url: str, deadline: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body; redirections are followed on the same server only."""
        for _ in range(REDIRECTS):
            with session.get(
                url, headers=self.headers, timeout=self.limits.timeout, stream=True, allow_redirects=False
            ) as response:
                target = response.headers.get("Location")
                if not response.is_redirect or target is None:
                    return response.status_code, response.headers, self._body(response, deadline)
            try:
                url = followed(url, target)
            except ForeignLinkError:
                away = shown(self._redacted(target))  # without secrets before it is cut
                raise _FinalError(f"it is redirected to another server, {away}") from None
        raise _FinalError(f"more than {REDIRECTS} redirections")

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        pieces, size = list[bytes](), 0
        while piece := response.raw.read1(PIECE, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if time.monotonic() > deadline:
                raise self._too_slow()
            if size > LARGEST_PAGE:
                raise _FinalError(f"a page of more than {LARGEST_PAGE >> 20} MiB")
        return b"".join(pieces)


def _content(body: bytes, text: str, check: Check) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise _PassingError(f"no JSON, or JSON that is cut off: {text}") from None
    if not isinstance(content, dict):
        raise _PassingError(f"JSON that is no page of results: {text}")
    fault = check(content)
    if fault is not None:
        raise _PassingError(f"{fault}: {text}")
    return content


def _retry_after(value: str | None) -> float | None:
    """Seconds that a server asks to wait: a number, or a date; None where it says nothing."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _root(error: BaseException) -> str:
    """What happened to the connection, from below the layers of libraries that passed it on."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return f"{type(error).__name__}: {error}"


def _brief(text: str) -> str:
    short = " ".join(text.split())
    return repr(short[:SHOWN] + ("…" if len(short) > SHOWN else ""))
