"""Registries to push to: Debian's docker-registry, our own, and one that does what no real one will do."""

import http.server
import json
import re
import threading
from pathlib import Path

from support.processes import Daemon, accepts, free_port, run


class Registry(Daemon):
    """A registry on a loopback port; `address` is HOST:PORT."""

    port = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def requests(self):
        """The method and path of every request so far, in order."""
        return re.findall(r'"(GET|HEAD|POST|PUT|PATCH|DELETE) (\S+) HTTP', self.log_text())


class DockerRegistry(Registry):
    """Debian's docker-registry with files below `directory`; with `login`, it asks for that user."""

    def __init__(self, directory, *, storage=None, login=None):
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        config = {
            "version": "0.1",
            "storage": {
                "filesystem": {"rootdirectory": str(storage or directory / "storage")},
                "delete": {"enabled": True},
            },
            "http": {"addr": self.address, "secret": "only for this test"},
        }
        if login:
            config["auth"] = {"htpasswd": {"realm": "e2e", "path": str(write_htpasswd(directory, *login))}}
        path = directory / "config.yml"
        path.write_text(json.dumps(config))
        super().__init__(["docker-registry", "serve", path], directory / "log")
        self.wait_until(lambda: accepts(self.port))


class ImgRegistry(Registry):
    """`img registry` with files below `directory`."""

    def __init__(self, tool, directory, *, storage=None):
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        port_file = directory / "port"
        port_file.unlink(missing_ok=True)
        command = [tool, "registry", "--address", "127.0.0.1", "--port", "0"]
        command += ["--root", storage or directory / "storage", "--port-file", port_file]
        super().__init__(command, directory / "log")
        self.wait_until(lambda: port_file.exists() and port_file.read_text().strip())
        self.port = int(port_file.read_text())


def write_htpasswd(directory, user, password):
    """Writes the password file of a registry that wants a login."""
    path = directory / "htpasswd"
    path.write_text(run(["htpasswd", "-Bbn", user, password]).stdout)
    return path


class FaultyRegistry:
    """Answers by script: a stand-in for faults that a real registry will not produce on demand.

    `answer(method, path)` returns a status, "break" to cut the connection after the first bytes of a
    body, or None for the answer of an empty registry that takes every upload.
    """

    def __init__(self, answer):
        self.seen = []
        handler = type("Handler", (FaultyHandler,), {"answer": staticmethod(answer), "seen": self.seen})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class FaultyHandler(http.server.BaseHTTPRequestHandler):
    """One connection to a `FaultyRegistry`."""

    protocol_version = "HTTP/1.1"
    answer = None
    seen = None

    def handle_request(self):
        self.seen.append((self.command, self.path))
        status = self.answer(self.command, self.path)
        if status == "break":
            self.rfile.read(16)
            self.close_connection = True
            return
        self.read_body()
        self.reply(status or self.default_status())

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        else:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def default_status(self):
        if self.command in ("GET", "HEAD"):
            return 200 if self.path == "/v2/" else 404
        return 202 if self.command in ("POST", "PATCH") else 201

    def reply(self, status):
        body = b"" if status < 400 else error_document(status)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 202:
            self.send_header("Location", self.path.split("?")[0].rstrip("/") + "/session")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format, *args):
        """Says nothing: `seen` is the log."""


def error_document(status):
    """The error body of the distribution spec for a status."""
    codes = {401: "UNAUTHORIZED", 403: "DENIED", 404: "NAME_UNKNOWN"}
    code = codes.get(status, "UNKNOWN")
    return json.dumps({"errors": [{"code": code, "message": f"faulty registry says {status}"}]}).encode()
