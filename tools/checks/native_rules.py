"""Finds rules that Bazel 9 no longer has built in and that a file uses without a load.

Bazel 7 cannot enforce it, so this reads the files: native_rules.py FILE…
"""

import re
import sys
from pathlib import Path

CALL = re.compile(r"^\s*(?:native\.)?((?:cc|java|py|sh|proto)_[a-z_]+|android_[a-z_]+|objc_[a-z_]+)\(", re.MULTILINE)


def unloaded_rules(text):
    """Yields line number and name of every such rule that the file calls but neither loads nor defines."""
    for call in CALL.finditer(text):
        name = call.group(1)
        line = text.count("\n", 0, call.start(1)) + 1
        if call.group(0).lstrip().startswith("native."):
            yield line, f"native.{name}"
        elif not is_loaded(name, text) and not is_defined(name, text):
            yield line, name


def is_loaded(name, text):
    return any(f'"{name}"' in load for load in re.findall(r"^load\(.*?\)", text, re.MULTILINE | re.DOTALL))


def is_defined(name, text):
    return re.search(rf"^(?:def {name}\(|{name} =)", text, re.MULTILINE)


def main(paths):
    found = [(path, line, name) for path in paths for line, name in unloaded_rules(Path(path).read_text())]
    for path, line, name in found:
        print(f"{path}:{line}: `{name}` is used without a load; load it from its rule set")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
