# Cold, warm and dirty need no rights but those on one's own files.
$ mkdir -m 777 cache results && $AS_USER mapmeter run -w sequential -e mmap,pread -c cold,warm,dirty --size 1MiB --launches 1 --out results/one -q
makes cache*
makes results*
$ $AS_USER /usr/bin/python3 -c 'import json; r = json.load(open("results/one/results.json")); names = {c["id"]: c for c in r["cases"]}; print(sorted((names[l["case"]]["cache"], l["status"]) for l in r["launches"]) if not any(c["skipped"] for c in names.values()) else "skipped for a reason: %s" % [c["skipped"] for c in names.values()])'
1> *[('cold', 'ok'), ('cold', 'ok'), ('dirty', 'ok'), ('dirty', 'ok'), ('warm', 'ok'), ('warm', 'ok')]
$ $AS_USER mapmeter doctor --data-dir cache | grep -E '^(ok|limited|missing) +cache ' | sed 's/: .*//; s/^ok *//; s/^limited *//; s/^missing *//'
1> cache cold
1> cache warm
1> cache dirty
1> cache pressure
