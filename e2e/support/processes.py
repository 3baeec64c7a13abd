"""Runs commands and daemons; whatever was started ends with the test, however the test ends."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)

START_SECONDS = 30
STOP_SECONDS = 20
COMMAND_SECONDS = 900


@dataclass(frozen=True)
class Result:
    """What a finished command left behind."""

    command: list
    code: int
    stdout: str
    stderr: str

    def __str__(self):
        return f"$ {' '.join(self.command)}\nexit {self.code}\n{self.stdout}{self.stderr}"


class CommandFailed(AssertionError):
    """A command that had to succeed did not."""


def run(command, *, check=True, env=None, cwd=None, umask=-1, timeout=COMMAND_SECONDS):
    """Runs a command to its end; with `check`, anything but exit 0 fails the test with its output."""
    command = [str(part) for part in command]
    done = subprocess.run(
        command,
        env=env,
        cwd=cwd,
        umask=umask,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="backslashreplace",
    )
    result = Result(command, done.returncode, done.stdout, done.stderr)
    if check and result.code != 0:
        raise CommandFailed(str(result))
    return result


def die_with_parent():
    """Runs in the child before exec: a killed test driver takes its daemons with it."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Daemon:
    """A server process with a log file; subclasses say how to see that it is ready."""

    def __init__(self, command, log, *, env=None, cwd=None):
        self.command = [str(part) for part in command]
        self.log = Path(log)
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                self.command,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                preexec_fn=die_with_parent,
            )

    def wait_until(self, is_ready):
        """Polls `is_ready` until it says yes; a daemon that ends or is not ready in time is an error."""
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"{self.command[0]} did not start:\n{self.log_text()}")
            time.sleep(0.02)

    def log_text(self):
        return self.log.read_text(errors="replace")

    def stop(self):
        """Asks the process to end, then makes it; returns its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


def free_port():
    """A loopback port that nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    """Whether something accepts connections on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end_processes_of(directory):
    """Kills what still runs with `directory` in its command line, such as containerd's shims."""
    marker = str(directory).encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if marker in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue
