"""A login server for tests: it knows one name and its password, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from pokenash.online.messages import to_id


class LoginServer:
    """On a free port of this machine, for the time of a ``with`` block.

    Parameters
    ----------
    username, password : str
    assertion : str
        What it signs with.
    """

    def __init__(self, username: str, password: str, assertion: str = "signed,by,nobody") -> None:
        self.asked: list[dict[str, str]] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                fields = dict(urllib.parse.parse_qsl(body))
                asked.append(fields)
                if fields["act"] == "getassertion":
                    answer = ";" if fields["userid"] == to_id(username) else assertion
                else:
                    known = (to_id(fields["name"]), fields["pass"]) == (to_id(username), password)
                    answer = "]" + json.dumps({"actionsuccess": known, "assertion": assertion if known else ""})
                data = answer.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/action.php"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
