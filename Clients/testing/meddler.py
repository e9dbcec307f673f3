# SPDX-License-Identifier: Apache-2.0
"""A host between a client and a server, which records requests and may change answers."""

import http.server
import threading
import urllib.error
import urllib.request
from typing import NamedTuple


class Asked(NamedTuple):
    """One request: its path without the query, and its body, None for a GET."""

    path: str
    body: bytes


class Meddler:
    """A context manager that ends it.

    Attributes:
        url: Its own address.
        target: The server to which it forwards requests; may be replaced.
        change: A function of the path and the body of an answer, which returns the new body, or status, body and
            headers.
        asked: Every request, in order.
    """

    def __init__(self, target, change=lambda path, body: body):
        self.target, self.change, self.asked = target, change, []
        meddler = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                meddler._hand_on(self, None)

            def do_POST(self):
                meddler._hand_on(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def paths(self):
        return [asked.path for asked in self.asked]

    @property
    def posted(self):
        """The bodies of the encrypted requests."""
        return [asked.body for asked in self.asked if asked.path.endswith("/ohttp")]

    def _hand_on(self, handler, body):
        self.asked.append(Asked(handler.path.split("?")[0], body))
        headers = {"Content-Type": handler.headers["Content-Type"]} if body else {}
        try:
            response = urllib.request.urlopen(urllib.request.Request(self.target + handler.path, body, headers))
        except urllib.error.HTTPError as error:
            response = error
        with response:
            data, status, more = response.read(), response.status, {}
        changed = self.change(handler.path, data)
        if isinstance(changed, tuple):
            status, changed, *rest = changed
            more = rest[0] if rest else {}
        handler.send_response(status)
        for name, value in {"Content-Type": response.headers["Content-Type"], "Content-Length": str(len(changed)), **more}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(changed)

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
