# Cold, warm and dirty need no rights but those on one's own files.
$ mkdir -m 777 cache results && $AS_USER mapmeter run -w sequential -e mmap,pread -c cold,warm,dirty --size 1MiB --launches 1 --out results/one -q
makes cache*
makes results*
# What this kernel or this file system cannot have is skipped with that reason, whoever asks.
$ $AS_USER /usr/bin/python3 -c 'import json; r = json.load(open("results/one/results.json")); print({l["status"] for l in r["launches"]}, all("not to be had" in c["skipped"] for c in r["cases"] if c["skipped"]))'
1> {'ok'} True
$ $AS_USER mapmeter doctor --data-dir cache | grep -E '^(ok|limited|missing) +cache ' | sed 's/: .*//; s/^ok *//; s/^limited *//; s/^missing *//'
1> cache cold
1> cache warm
1> cache dirty
1> cache pressure
