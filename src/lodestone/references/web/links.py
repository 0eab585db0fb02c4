"""Which addresses may be followed: only those of the server that the user named."""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

SHOWN = 160
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
    return readable if len(readable) <= SHOWN else f"{readable[:SHOWN]}…"


def _place(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, _port(url)


def _is_default(url: SplitResult) -> bool:
    return _port(url) == PORTS[url.scheme]


def _port(url: SplitResult) -> int | None:
    try:
        return url.port or PORTS.get(url.scheme)
    except ValueError:  # no number
        return -1
