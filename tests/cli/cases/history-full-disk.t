# A full disk: a clear line, exit code 4, and what was in the history is still there.
needs small-disk
$ mapmeter run -w sequential -e mmap -c warm --size 64KiB --launches 1 --out a -q; mapmeter run -w sequential -e mmap -c warm --size 64KiB --launches 1 --out b -q
makes a*
makes b*
makes cache*
$ $SMALL_DISK sh -c 'mapmeter history add a -q -d disk/h.sqlite; head -c 3M /dev/zero > disk/filler 2> disk/errors; mapmeter history add b -d disk/h.sqlite; code=$?; rm disk/filler; mapmeter history list -d disk/h.sqlite --json | grep -c identity; mapmeter history add b -d disk/h.sqlite; exit $code'
2> mapmeter history: disk/h.sqlite: *
1> 1
1> b: added, 2 figures *
exit 4
