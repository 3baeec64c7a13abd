#!/bin/sh
# hello.c as a script, for platforms that this machine has no C compiler for.
program=$(readlink -f "$0")
echo "$0: hello, ${HELLO_NAME:-nobody}"
exec cat "$program.runfiles/_main/examples/hello/greeting.txt"
