"""Registries to push to: Debian's docker-registry, our own, and one that does what no real one will do."""

import http.client
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
    """Stands before a real registry and fails by script, for faults that no real one produces on demand.

    `answer(method, path)` returns None to pass a request on, the status to refuse it with, or BREAK to
    cut the connection after the first bytes of the body.
    """

    def __init__(self, directory, answer):
        self.registry = DockerRegistry(directory)
        handler = type("Handler", (FaultyHandler,), {"answer": staticmethod(answer), "upstream": self.registry.address})
        self.server = QuietServer(("127.0.0.1", 0), handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.registry.stop()


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Says nothing: a client that gives up on a connection is what some of the tests are about."""


BREAK = "break"
ERROR_CODES = {401: "UNAUTHORIZED", 403: "DENIED", 404: "NAME_UNKNOWN"}


class FaultyHandler(http.server.BaseHTTPRequestHandler):
    """One connection to a `FaultyRegistry`."""

    protocol_version = "HTTP/1.1"
    answer = None
    upstream = None

    def handle_request(self):
        status = self.answer(self.command, self.path)
        if status == BREAK:
            self.rfile.read(16)
            self.close_connection = True
            return
        body = self.read_body()
        if status is None:
            self.reply(*self.ask_upstream(body))
        else:
            self.reply(status, {"Content-Type": "application/json"}, error_document(status))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size + 2)[:size])
        self.rfile.readline()
        return b"".join(chunks)

    def ask_upstream(self, body):
        """Status, headers and body of the real registry; it takes this address, in `Host`, for its own."""
        connection = http.client.HTTPConnection(self.upstream)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in FRAMING:
                connection.putheader(name, value)
        connection.putheader("Content-Length", len(body))
        connection.endheaders(body)
        response = connection.getresponse()
        headers = {name: value for name, value in response.getheaders() if name.lower() not in FRAMING}
        if self.command == "HEAD":
            headers["Content-Length"] = response.getheader("Content-Length", "0")
        return response.status, headers, response.read()

    def reply(self, status, headers, body):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format, *args):
        """Says nothing: the real registry has a log."""


# Headers about how a message is sent, which each side of the stand-in decides for itself.
FRAMING = {"connection", "content-length", "transfer-encoding"}


def error_document(status):
    """The error body of the distribution spec for a status."""
    code = ERROR_CODES.get(status, "UNKNOWN")
    return json.dumps({"errors": [{"code": code, "message": f"faulty registry says {status}"}]}).encode()
