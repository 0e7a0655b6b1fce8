"""A stand-in for a schema registry, on loopback: it speaks the part of Confluent's API that is asked."""

import json
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest


class StandInRegistry:
    """Answers by ``ids``, ``guids`` and ``versions``; counts the questions; has faults.

    ``fault`` is an HTTP status that answers everything, ``"nonsense"``, ``"null"`` or ``"drops"``.
    """

    def __init__(self):
        self.ids, self.guids, self.versions = {}, {}, {}
        self.asked, self.authorizations = Counter(), []
        self.fault = self.authorization = self.moved_to = None
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                registry.answer(self)

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def answer(self, request):
        path = request.path.partition("?")[0]
        self.asked[path] += 1
        given = request.headers.get("Authorization")
        self.authorizations.append(given)
        status, body = 200, self.found(path)
        if self.moved_to and not request.headers["Host"].startswith("localhost"):
            request.send_response(302)
            request.send_header("Location", self.moved_to + request.path)
            request.end_headers()
            return
        if isinstance(self.fault, int):
            status, body = self.fault, {"error_code": 50001, "message": "out of order"}
        elif self.authorization and given != self.authorization:
            status, body = 401, {"error_code": 401, "message": "Unauthorized"}
        elif body is None and self.fault is None:
            status, body = 404, {"error_code": 40403, "message": "Schema not found"}
        wrong = {"nonsense": b"<html>", "null": b"null", "drops": b" " * 100}
        text = wrong.get(self.fault) or json.dumps(body).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        step = 1 if self.fault == "drops" else len(text)
        with suppress(OSError):
            for place in range(0, len(text), step):
                request.wfile.write(text[place : place + step])
                time.sleep(0.05 if self.fault == "drops" else 0)

    def found(self, path):
        parts = path.strip("/").split("/")
        if parts[:2] == ["schemas", "ids"]:
            return self.ids.get(int(parts[2]))
        if parts[:2] == ["schemas", "guids"]:
            return self.guids.get(parts[2])
        return self.versions.get((unquote(parts[1]), int(parts[3])))

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def registry():
    running = StandInRegistry()
    yield running
    running.close()


def avro(schema, *references):
    """What a registry answers for an Avro schema; references are (name, subject, version)."""
    named = [dict(zip(("name", "subject", "version"), one, strict=True)) for one in references]
    return {"schema": json.dumps(schema)} | ({"references": named} if named else {})


@pytest.fixture(name="avro")
def _avro():
    return avro
