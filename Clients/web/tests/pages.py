# SPDX-License-Identifier: Apache-2.0
"""A web server on a free port of 127.0.0.1, in the role of an owner's site."""

import contextlib
import http.server
import pathlib
import threading
import urllib.parse

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".json": "application/json"}


@contextlib.contextmanager
def serve(folders):
    """Serves each folder under its prefix while the body runs, and yields the origin."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = urllib.parse.unquote(self.path.split("?")[0])
            prefix = max((prefix for prefix in folders if path.startswith(prefix)), key=len, default=None)
            file = prefix and (pathlib.Path(folders[prefix]) / path[len(prefix):]).resolve()
            if file and file.is_dir():
                file = file / "index.html"
            if not file or not file.is_relative_to(pathlib.Path(folders[prefix]).resolve()) or not file.is_file():
                return self.send_error(404)
            data = file.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", TYPES.get(file.suffix, "application/octet-stream"))
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
