"""Holds the crates that `img` is made of against deny.toml: licences, banned crates, sources.

Reads the part of cargo-deny's file that needs no database, so that nothing has to be built or downloaded
for it: `licenses.allow`, `licenses.exceptions`, `bans.deny`, `sources.allow-git`.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def violations(packages, rules):
    """Yields a sentence for every package that the rules do not allow."""
    allowed = set(rules.get("licenses", {}).get("allow", []))
    exceptions = {
        exception["crate" if "crate" in exception else "name"]: set(exception["allow"])
        for exception in rules.get("licenses", {}).get("exceptions", [])
    }
    banned = {name_of(entry) for entry in rules.get("bans", {}).get("deny", [])}
    git_sources = set(rules.get("sources", {}).get("allow-git", []))
    for package in packages:
        name = package["name"]
        if name in banned:
            yield f"{name} {package['version']} is banned"
        if not is_allowed(package.get("license") or "", allowed | exceptions.get(name, set())):
            yield f"{name} {package['version']} has the licence `{package.get('license')}`, which is not in licenses.allow"
        source = package.get("source") or ""
        if source.startswith("git+") and source[4:].split("?")[0].split("#")[0] not in git_sources:
            yield f"{name} {package['version']} comes from {source}, which is not in sources.allow-git"


def name_of(entry):
    """The crate of an entry of bans.deny: `name`, `name@version` or a table."""
    spec = entry if isinstance(entry, str) else entry.get("crate") or entry["name"]
    return re.split("[@:]", spec)[0]


def is_allowed(expression, allowed):
    """Whether an SPDX expression can be satisfied with the allowed licences."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))
    verdict, rest = either(tokens, allowed)
    return verdict and not rest


def either(tokens, allowed):
    """term (OR term)*; returns the verdict and the tokens that are left."""
    verdict, tokens = both(tokens, allowed)
    while tokens and tokens[0] == "OR":
        other, tokens = both(tokens[1:], allowed)
        verdict = verdict or other
    return verdict, tokens


def both(tokens, allowed):
    """one (AND one)*"""
    verdict, tokens = one(tokens, allowed)
    while tokens and tokens[0] == "AND":
        other, tokens = one(tokens[1:], allowed)
        verdict = verdict and other
    return verdict, tokens


def one(tokens, allowed):
    """A licence, a licence WITH an exception, or an expression in parentheses."""
    if not tokens:
        return False, []
    if tokens[0] == "(":
        verdict, tokens = either(tokens[1:], allowed)
        return verdict, tokens[1:]
    if tokens[1:2] == ["WITH"]:
        return " ".join(tokens[:3]) in allowed, tokens[3:]
    return tokens[0] in allowed, tokens[1:]


def shipped_packages():
    """The packages that a release build of the workspace takes in on this machine."""
    host = re.search("host: (.*)", output_of("rustc", "-vV")).group(1)
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", host]
    metadata = json.loads(output_of(*command))
    resolved = {node["id"] for node in metadata["resolve"]["nodes"]}
    return [package for package in metadata["packages"] if package["id"] in resolved]


def output_of(*command):
    return subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True).stdout


def main():
    rules = tomllib.loads((REPOSITORY / "deny.toml").read_text())
    packages = shipped_packages()
    found = list(violations(packages, rules))
    print("\n".join(found) or f"{len(packages)} packages, all of them as deny.toml allows")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
