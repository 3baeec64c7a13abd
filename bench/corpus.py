#!/usr/bin/env python3
"""Makes the input of the benchmarks: a tree like node_modules, the same bytes everywhere for a seed and size.

    corpus.py --out DIR [--files 10000] [--seed 1]

Small text files in packages, half of the packages being a copy of another one, as installers leave them.
Writes DIR/tree, and beside it what the contenders read: DIR/params (`img layer --add-from-file`) and
DIR/list (`tar -T`). Needs CPython 3.9 or later; prints the number of files and bytes.
"""

import argparse
import random
from pathlib import Path

IN_IMAGE = "app/node_modules"
COPIED_PACKAGES = 0.5
FILES_OF_A_PACKAGE = (3, 60)
EXTENSIONS = [".js", ".js", ".js", ".d.ts", ".json", ".md"]
KEYWORDS = "const let function return if else for of new this export import from await async null true".split()
SYLLABLES = "ba co di en fi ga he in jo ka lo mi no op pa qu re st tu ur va we xi yo ze comp str get set".split()


class Prose:
    """Text that compresses like source code: few words often, many seldom, and lines that come again."""

    def __init__(self, random_source):
        self.random = random_source
        names = ["".join(self.random.choices(SYLLABLES, k=self.random.randint(1, 4))) for _ in range(8000)]
        self.words = KEYWORDS + names
        self.weights = cumulative(1 / (rank + 3) for rank in range(len(self.words)))
        self.lines = [self.line() for _ in range(20000)]
        self.line_weights = cumulative(1 / (rank + 5) for rank in range(len(self.lines)))

    def line(self):
        words = self.random.choices(self.words, cum_weights=self.weights, k=self.random.randint(2, 10))
        return "  " * self.random.randint(0, 4) + " ".join(words) + ";\n"

    def text(self, size):
        """About `size` bytes, every tenth line of them fresh."""
        pieces, length = [], 0
        while length < size:
            fresh = self.random.random() < 0.1
            line = self.line() if fresh else self.random.choices(self.lines, cum_weights=self.line_weights)[0]
            pieces.append(line)
            length += len(line)
        return "".join(pieces)[:size].encode()


def cumulative(weights):
    total, sums = 0.0, []
    for weight in weights:
        total += weight
        sums.append(total)
    return sums


def packages(random_source, prose, files):
    """Yields (path, content) of about `files` files; a copied package repeats every byte of another."""
    made, count = [], 0
    while count < files:
        name = f"{random_source.choice(SYLLABLES)}-{random_source.choice(SYLLABLES)}-{count}"
        if made and random_source.random() < COPIED_PACKAGES:
            package = random_source.choice(made)
        else:
            package = new_package(random_source, prose)
            made.append(package)
        for path, content in package:
            yield f"{name}/{path}", content
        count += len(package)


def new_package(random_source, prose):
    count = int(random_source.triangular(*FILES_OF_A_PACKAGE, FILES_OF_A_PACKAGE[0]))
    package = [("package.json", prose.text(900)), ("LICENSE", prose.text(1060))]
    for number in range(count):
        size = max(60, min(200_000, int(random_source.lognormvariate(7.9, 1.3))))
        extension = random_source.choice(EXTENSIONS)
        package.append((f"lib/{random_source.choice(SYLLABLES)}{number}{extension}", prose.text(size)))
    return package


def write(out, files):
    """Writes the tree and its lists; returns the number of files and bytes."""
    paths, size = [], 0
    for path, content in files:
        target = out / "tree" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        paths.append(path)
        size += len(content)
    paths.sort()
    (out / "list").write_text("".join(f"{path}\n" for path in paths))
    tree = out.resolve() / "tree"
    (out / "params").write_text("".join(f"{IN_IMAGE}/{path}\0f{tree}/{path}\n" for path in paths))
    return len(paths), size


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    source = random.Random(options.seed)
    files, size = write(options.out, packages(source, Prose(source), options.files))
    print(f"{files} files, {size / 1e6:.1f} MB in {options.out}")


if __name__ == "__main__":
    main()
