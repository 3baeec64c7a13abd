"""Runs contenders by turns and compares medians; what every benchmark here shares."""

import os
import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Sample:
    """One run: seconds of wall and CPU time of all processes, KiB of the largest of them.

    The kernel counts the fork of this program among them, so no peak is below some 16 MB.
    """

    wall: float
    cpu: float
    peak: int


@dataclass(frozen=True)
class Contender:
    """A shell command line; `output` is the file it makes, whose size is reported."""

    name: str
    command: str
    output: Path = None


def tool(given=None):
    """The `img` binary to measure, which must be a release build."""
    path = Path(given or os.environ.get("RULES_IMG_TOOL") or REPOSITORY / "target" / "release" / "img")
    if not path.exists():
        raise SystemExit(f"no {path}: run `cargo build --release --locked -p img`, or name one by --tool")
    return path.resolve()


def run_by_turns(contenders, rounds):
    """A B A B …, so that what disturbs the machine disturbs all; the first round only warms caches."""
    samples = {contender.name: [] for contender in contenders}
    for number in range(rounds + 1):
        for contender in contenders:
            sample = run_once(contender)
            if number > 0:
                samples[contender.name].append(sample)
    return samples


def run_once(contender):
    started = time.perf_counter()
    process = subprocess.Popen(["/bin/bash", "-o", "pipefail", "-c", contender.command])
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{contender.name}: exit {process.returncode} of {contender.command}")
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def median(samples, field):
    return statistics.median(getattr(sample, field) for sample in samples)


def print_table(contenders, samples):
    """Medians, and the wall and CPU time of each contender as a share of the first one's."""
    first = samples[contenders[0].name]
    print("| contender | wall s | CPU s | wall | CPU | output MB | peak MB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for contender in contenders:
        own = samples[contender.name]
        wall, cpu = median(own, "wall"), median(own, "cpu")
        size = f"{contender.output.stat().st_size / 1e6:.2f}" if contender.output else "-"
        shares = f"{wall / median(first, 'wall'):.2f} | {cpu / median(first, 'cpu'):.2f}"
        peak = max(sample.peak for sample in own) / 1024
        print(f"| {contender.name} | {wall:.3f} | {cpu:.3f} | {shares} | {size} | {peak:.0f} |")


def require(*commands):
    missing = [command for command in commands if not shutil.which(command)]
    if missing:
        raise SystemExit(f"not installed: {' '.join(missing)}")
