# The history: what it takes, what it refuses, and that refusing leaves nothing.
$ mapmeter history
1> Usage: mapmeter history COMMAND*
1> ...
$ mapmeter history lst
2> mapmeter history: 'lst' is not add, list or trend, did you mean 'list'?
exit 2
$ mapmeter history list
2> mapmeter history: mapmeter-history.sqlite: No such file or directory; 'mapmeter history add' makes it
exit 2
$ mapmeter history trend -d data.npy
2> mapmeter history: data.npy: not a SQLite database, so not a history; name another file by --database
exit 2
$ mapmeter history add
2> mapmeter history: name results: mapmeter history add FILE...
exit 2
$ mapmeter history add - -
2> mapmeter history: standard input ('-') can be one of the files only
exit 2
$ mapmeter history add raw.bin
2> mapmeter history: raw.bin: no results as JSON, or not written whole: *
exit 2
$ mapmeter history add missing
2> mapmeter history: missing: *No such file or directory
exit 2
$ mapmeter history add folder
2> mapmeter history: folder/results.json: *No such file or directory
exit 2
file other.json
| {"schema": {"name": "mapmeter.calibration", "version": 1}}
$ mapmeter history add other.json
2> mapmeter history: other.json: a 'mapmeter.calibration'; the history takes results.json of *
exit 2
file nothing.json
| {"a": 1}
$ mapmeter history add nothing.json
2> mapmeter history: nothing.json: no results that are known; the history takes *
exit 2
$ mapmeter history list extra
2> mapmeter history: 'extra': list takes no arguments; name a database by --database
exit 2
$ mapmeter history trend a b
2> mapmeter history: 'b': trend takes one pattern of benchmarks
exit 2
$ mapmeter history trend --alpha 2
2> mapmeter history: --alpha '2': a probability from 0.0001 to 0.2 is wanted
exit 2
$ mapmeter history trend --seed=-1
2> mapmeter history: --seed '-1': not a whole number
exit 2
$ mapmeter history trend --metrik x
2> mapmeter history: unknown option '--metrik', did you mean '--metric'?
exit 2
$ mapmeter run -w sequential -e mmap -c warm --size 64KiB --launches 6 --out a -q
makes a*
makes cache*
$ mapmeter history add a --label 'first night' --revision abc
1> a: added, 2 figures by mapmeter of *Z, suite command line
makes mapmeter-history.sqlite*
$ mapmeter history add a/results.json
1> a/results.json: this measurement is in the history already; nothing was changed
makes mapmeter-history.sqlite*
$ mapmeter history list
1> record  figures  measured *
1>      1        2  * mapmeter * command line * abc * first night *
$ mapmeter history list --suite quick
1> no records
$ mapmeter history trend
1> 
1> machine *, suite command line, by mapmeter
1>   sequential/engine:mmap/cache:warm/* (64KiB on storage *)
1>     faults * n 1 * too few for steps: 1 of 10 records
1>     throughput * n 1 *B/s * too few for steps: 1 of 10 records
1> 
1> Changed: 0 of 2 series; steps: 0, drifts: 0, spikes: 0, pending: 0.
1> Steps by E-divisive (999 permutations, seed 1)*
1> Advice, not a gate: *
$ mapmeter history trend nothing-like-this
1> no series: nothing in the history is of that machine, suite, benchmark and metric
$ mapmeter history list > /dev/full
2> mapmeter history: *
exit 4
# Another user may read what only its owner may write.
$ $AS_USER mapmeter history list --json | /usr/bin/python3 -c 'import json,sys; print(len(json.load(sys.stdin)["records"]))'
1> 1
# One that is refused keeps the others out.
$ mapmeter history add a/gbench.json other.json
2> mapmeter history: other.json: *
exit 2
$ mapmeter history list --json | /usr/bin/python3 -c 'import json,sys; print(len(json.load(sys.stdin)["records"]))'
1> 1
$ mapmeter run -w sequential -e mmap -c warm --size 64KiB --launches 1 --out b -q; /usr/bin/python3 -c 'import json; r=json.load(open("b/results.json")); r["run"]["interrupted"]="SIGINT"; json.dump(r,open("b/results.json","w"))'
makes b*
$ mapmeter history add b
2> mapmeter history: b: the run was not finished: SIGINT; 'mapmeter run --resume' makes what lacks
exit 2
