#!/usr/bin/env python3
"""Packs the files of a list with Python's tarfile, a contender of `bench/layer`.

    bench/pytar.py TREE LIST OUTPUT
"""

import sys
import tarfile
from pathlib import Path


def main():
    tree, names, output = (Path(argument) for argument in sys.argv[1:])
    with tarfile.open(output, "w:gz", compresslevel=6) as archive:
        for name in names.read_text().splitlines():
            archive.add(tree / name, arcname=name, recursive=False)


if __name__ == "__main__":
    main()
