#!/bin/sh
# Says what it finds: its runfiles, the link that started it, and the layers around it.
set -eu
self=$(/bin/busybox readlink -f "$0")
runfiles=$self.runfiles/_main

read -r greeting <"$runfiles/greeting.txt"
read -r platform </srv/platform.txt
read -r one </srv/tree/1.txt
read -r two </srv/tree/deeper/2.txt

echo "$greeting, $1"
echo "started as $0, is $self"
echo "platform $platform"
echo "tree $one $two"
echo "user $(/bin/busybox id -u) in $PWD with MOOD=$MOOD"
