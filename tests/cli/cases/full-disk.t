# A full disk, for the data and for the results: a clear line, exit code 4, nothing left behind.
needs small-disk
$ $SMALL_DISK sh -c 'mapmeter run -w sequential -e mmap -c warm --size 64MiB --data-dir disk/data --out out; code=$?; find disk -type f; exit $code'
2> mapmeter run: the data files of this run need 64.0 MiB, and the file system of SANDBOX/disk/data has room for 3.00 MiB; free some, or name another folder by --data-dir or a smaller --size
exit 4
$ $SMALL_DISK sh -c 'head -c 3M /dev/zero > disk/filler 2> disk/errors; mapmeter run -w sequential -e mmap -c warm --size 64KiB --launches 1 --out disk/out; code=$?; find disk -type f -not -name filler -not -name errors; exit $code'
2> mapmeter run: *No space left on device*
exit 4
makes cache*
