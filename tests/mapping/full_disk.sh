#!/bin/sh
# A full tmpfs and a full small ext4 under sparse arrays: needs root, or is skipped.
# usage: full_disk.sh PROGRAM
set -eu
program=$1
[ "$(id -u)" = 0 ] || { echo "skipped: file systems are mounted by root only"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/var/tmp}/full-disk-XXXXXX")
cleanup() {
    umount "$work/tmpfs" 2>/dev/null || :
    umount "$work/ext4" 2>/dev/null || :
    rm -rf "$work"
}
trap cleanup EXIT
mkdir "$work/tmpfs" "$work/ext4"
mount -t tmpfs -o size=8m tmpfs "$work/tmpfs" ||
    { echo "skipped: no file system can be mounted here"; exit 77; }
"$program" full "$work/tmpfs"
truncate -s 16M "$work/image"
mkfs.ext4 -q -F "$work/image"
mount -o loop "$work/image" "$work/ext4" ||
    { echo "skipped: no loop device can be mounted here"; exit 77; }
"$program" full "$work/ext4"
