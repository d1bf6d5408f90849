# The folder of results is never written over, and a refused run makes none.
$ mapmeter run -w sequential --out full
2> mapmeter run: --out full: the folder exists and is not empty; name a new one
exit 2
$ mapmeter run -w sequential --out raw.bin
2> mapmeter run: --out raw.bin: a file has this name; name a new folder
exit 2
$ mapmeter run -w sequential --out ''
2> mapmeter run: --out: the name is empty
exit 2
$ mapmeter run -w sequential --out raw.bin/below
2> mapmeter run: --out*raw.bin*
exit 2
$ mkdir locked && chmod 555 locked && $AS_USER mapmeter run -w sequential --out locked; code=$?; rmdir locked; exit $code
2> mapmeter run: --out locked: Permission denied
exit 2
$ mapmeter run -w sequential -e mmap -c warm --size 1MiB --launches 1 --out made/deep/new --quiet
makes made*
makes cache*
$ ls made/deep/new
1> gbench-aggregates.json
1> gbench.json
1> plots
1> report.html
1> report.txt
1> results.json
1> samples.csv
1> summary.md
$ mapmeter run -w sequential -e mmap -c warm --size 1MiB --launches 1 --out made/deep/new
2> mapmeter run: --out made/deep/new: the folder exists and is not empty; name a new one
exit 2

# The default place, with a link to the newest.
$ mapmeter run -w sequential -e mmap -c warm --size 1MiB --launches 1
1> ...
1> report: mapmeter-results/*Z-command-line/report.html
makes mapmeter-results*
$ test mapmeter-results/latest/results.json -ef mapmeter-results/*-command-line/results.json
$ mapmeter run -w sequential -e mmap,pread -c warm --size 1MiB --launches 1 -q
makes mapmeter-results*
$ ls -d mapmeter-results/*-command-line* | wc -l
1> 2
$ grep -c '"name": "sequential/engine:pread' mapmeter-results/latest/results.json
1> 1

# --json is the record itself; another run finds the data file and makes nothing but its results.
$ mapmeter run -w sequential -e mmap -c warm --size 1MiB --launches 1 --out json --json > printed.json
makes json*
makes printed.json
$ cmp printed.json json/results.json

# What makes no sense is skipped, and the run says that it has measured nothing.
$ mapmeter run -w sequential -e memory -c cold --out skipped -q
2> mapmeter run: nothing was measured, every case is skipped: cold means nothing for the engine memory, which is not backed by the file
makes skipped*
