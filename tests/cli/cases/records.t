# Records read again: compared, reported, and what is no record.
$ mapmeter run -w sequential -e mmap -c warm --size 1MiB --launches 2 --out a -q
makes a*
makes cache*
$ mapmeter run -w sequential -e mmap -c warm --size 1MiB --launches 2 --out b -q
makes b*
$ mapmeter compare a b/results.json
1> A: *
1> B: *
1> ...
1> sequential*, warm mmap *
1> ...
$ cat a/results.json | mapmeter compare - b --markdown
1> ...
1> |*|
1> ...
$ mapmeter compare a b --json | /usr/bin/python3 -c 'import json,sys; c=json.load(sys.stdin); print(c["schema"]["name"], len(c["cases"]))'
1> mapmeter.comparison 1
$ mapmeter compare a b --plot forest > /dev/null
makes forest*
$ ls forest
1> forest.dat
1> forest.gp
1> forest.svg
$ mapmeter report a --out again -q
makes again*
$ ls again
1> plots
1> report.html
1> report.txt
1> samples.csv
1> summary.md
$ mapmeter report a -q
makes a/*
$ mapmeter report a --out pictures -q --format svg,png,pdf
makes pictures*
$ ls pictures/plots/throughput.*
1> pictures/plots/throughput.dat
1> pictures/plots/throughput.gp
1> pictures/plots/throughput.pdf
1> pictures/plots/throughput.png
1> pictures/plots/throughput.svg
$ mapmeter report a --format png,jpeg
2> mapmeter report: 'png,jpeg' is no list of formats: svg, png and pdf, such as --format svg,png
exit 2
$ mapmeter compare a
2> mapmeter compare: name two records: mapmeter compare BASE HEAD
exit 2
$ mapmeter compare a b a
2> mapmeter compare: 'a': two records are compared, not three
exit 2
$ mapmeter compare a missing
2> mapmeter compare: missing*No such file or directory*
exit 2
$ mapmeter compare a folder
2> mapmeter compare: folder*No such file or directory*
exit 2
$ mapmeter compare a raw.bin
2> mapmeter compare: raw.bin*
exit 2
$ mapmeter compare a b --json --markdown
2> mapmeter compare: --json or --markdown, not both
exit 2
$ mapmeter compare - -
2> mapmeter compare: standard input ('-') can be one of the two only
exit 2
$ mapmeter report
2> mapmeter report: name a record: mapmeter report RECORD
exit 2
$ mapmeter report a b
2> mapmeter report: 'b': report takes one record
exit 2
$ head -c 1000 a/results.json > cut.json
makes cut.json
$ mapmeter report cut.json
2> mapmeter report: cut.json:*
exit 2
$ mapmeter report a --out raw.bin
2> mapmeter report: *raw.bin*
exit 2
$ mapmeter compare a b > /dev/full
2> mapmeter compare: *
exit 4
