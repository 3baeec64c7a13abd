#!/bin/sh
# Prints its data, which is in its runfiles. The symlink that it may be started by is not beside them.
program=$(readlink -f "$0")
exec cat "$program.runfiles/_main/examples/layers/template.txt"
