"""A proxy on loopback that does to answers what networks and servers do to them."""

import http.client
import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"  # loopback goes through no real proxy


class FaultProxy(ThreadingHTTPServer):
    """Hands requests on to `upstream` (a port) or to `answer` (path, headers -> status, content)."""

    daemon_threads = True

    def __init__(self, upstream=None, answer=None):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream, self.answer = upstream, answer
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.open = threading.Event()  # set: whoever hangs goes on
        self.reset()

    def reset(self):
        """Forget the requests and faults so far."""
        self.requests, self.headers, self.faults = [], [], {}

    def inject(self, fault, *numbers):
        """Do `fault` to these requests, counted from 0; to every one where none is given."""
        self.faults |= dict.fromkeys(numbers or range(1000), fault)

    def handle_error(self, request, client_address):
        """A client that hangs up is no error of the proxy."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        number = len(self.server.requests)
        self.server.requests.append(self.path)
        self.server.headers.append(dict(self.headers))
        self.close_connection = True
        self.server.faults.get(number, whole)(self)

    def log_message(self, *args):
        pass

    def original(self, unpacked=False):
        """Status, headers and body as they should be."""
        if self.server.answer is not None:
            status, content = self.server.answer(self.path, self.headers)
            return status, {"Content-Type": "application/json"}, json.dumps(content).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        headers = dict(self.headers) | ({"Accept-Encoding": "identity"} if unpacked else {})
        connection.request("GET", self.path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        kept = ("Content-Type", "Content-Encoding", "Location")
        return answer.status, {k: answer.headers[k] for k in kept if k in answer.headers}, body

    def send(self, status, headers, body, length=None):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(**keywords):
    """A proxy that serves as long as the context."""
    proxy = FaultProxy(**keywords)
    threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.open.set()
        proxy.shutdown()
        proxy.server_close()


def whole(handler):
    handler.send(*handler.original())


def status(code, **headers):
    """Another status; names of headers with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.send(code, named, b"<html>Something \n went wrong</html>")


def body(text):
    """Another body."""
    return lambda handler: handler.send(200, {"Content-Type": "application/json"}, text)


def altered(change):
    """The answer with its JSON changed by `change`, in place."""

    def fault(handler):
        code, headers, packed = handler.original(unpacked=True)
        content = json.loads(packed)
        change(content)
        handler.send(code, headers, json.dumps(content).encode())

    return fault


def cut_json(handler):
    """Half of the JSON, in an answer that is whole by its headers."""
    code, headers, packed = handler.original(unpacked=True)
    handler.send(code, headers, packed[: len(packed) // 2])


def cut_body(handler):
    """The connection ends half-way."""
    code, headers, packed = handler.original()
    handler.send(code, headers, packed[: len(packed) // 2], length=len(packed))


def closed(handler):
    """The connection ends without an answer."""
    handler.connection.close()


def hang(handler):
    """No answer; `open` lets it go on."""
    handler.server.open.wait(60)


def drip(handler):
    """A byte every now and then, so that no read ever times out."""
    code, headers, packed = handler.original()
    handler.send(code, headers, b"", length=len(packed))
    _drip(handler, packed)


def drip_headers(handler):
    _drip(handler, b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000)


def _drip(handler, content):
    for i in range(len(content)):
        handler.wfile.write(content[i : i + 1])
        if handler.server.open.wait(0.05):
            return
