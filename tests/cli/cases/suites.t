# Suites that are broken, empty, or not there.
$ mapmeter run missing.yaml
2> mapmeter run: missing.yaml: *No such file or directory*
exit 2
$ mapmeter run ./folder
2> mapmeter run: ./folder: *
exit 2
$ $AS_USER mapmeter run ./secret.bin
2> mapmeter run: ./secret.bin: *Permission denied*
exit 2

file broken.yaml
| name: mine
| cases:
|   - workload: [sequential
|     engine: mmap
$ mapmeter run broken.yaml
2> mapmeter run: broken.yaml:*:*: not YAML: *
exit 2

file twice.yaml
| name: mine
| name: yours
| cases:
|   - workload: sequential
$ mapmeter run twice.yaml
2> mapmeter run: twice.yaml:2:1: the key 'name' is there twice, first at twice.yaml:1
exit 2

file alias.yaml
| name: mine
| cases:
|   - &one {workload: sequential}
$ mapmeter run alias.yaml
2> mapmeter run: alias.yaml:3:5: anchors (&name) are not supported
exit 2

file nothing.yaml
$ mapmeter run nothing.yaml
2> mapmeter run: nothing.yaml: the file is empty
exit 2

file no-cases.yaml
| name: mine
| cases: []
$ mapmeter run no-cases.yaml
2> mapmeter run: no-cases.yaml:2: 'cases' is empty: the matrix has no case
exit 2

file empty-list.yaml
| name: mine
| cases:
|   - workload: sequential
|     engine: []
$ mapmeter run empty-list.yaml
2> mapmeter run: empty-list.yaml:4: 'engine' is an empty list, which leaves no case: name a value
exit 2

file excluded.yaml
| name: mine
| cases:
|   - workload: sequential
|     engine: [mmap, pread]
|     exclude:
|       - engine: mmap
|       - engine: pread
$ mapmeter run excluded.yaml
2> mapmeter run: excluded.yaml:3: the matrix is empty: its exclusions leave no case
exit 2

file good.yaml
| name: mine
| purpose: to be selected from
| cases:
|   - workload: sequential
|     engine: [mmap, pread]
|     cache: warm
|     size: 1MiB
|     launches: 2
$ mapmeter run good.yaml -e memory
2> mapmeter run: the matrix is empty: the suite 'mine' has no case with the selected workloads, engines and cache states
exit 2
$ mapmeter run good.yaml --dry-run --seed 5
1> suite mine: to be selected from
1> 2 cases, 0 of them skipped; 4 launches; seed 0x0000000000000005
1> about *, 1.00 MiB of generated data
1> 
1> files:
1>   SANDBOX/cache/mapmeter-u8-131072-seed1-read.dat: <u8 [131072], 1.00 MiB, generated
1> 
1> cases (launches x samples x passes):
1>   sequential/engine:mmap/cache:warm/operation:read/direction:forward/block:1MiB/advice:normal/size:1MiB: 2 x 3 x 1
1>   sequential/engine:pread/cache:warm/operation:read/direction:forward/block:1MiB/advice:normal/size:1MiB: 2 x 3 x 1
$ mapmeter run good.yaml -e pread -p block=64KiB --size 2MiB --launches 3 --data-dir elsewhere --dry-run --seed 0xff
1> suite mine: to be selected from
1> 1 cases, 0 of them skipped; 3 launches; seed 0x00000000000000ff
1> ...
1>   SANDBOX/elsewhere/mapmeter-u8-262144-seed1-read.dat: <u8 [262144], 2.00 MiB, generated
1> ...
1>   sequential/engine:pread/cache:warm/operation:read/direction:forward/block:64KiB/advice:normal/size:2MiB: 3 x 3 x 1
$ mapmeter run good.yaml --dry-run --json --seed 5 | /usr/bin/python3 -c 'import json,sys; p=json.load(sys.stdin); print(p["suite"], p["launches"], len(p["cases"]), p["cases"][1]["engine"], p["files"][0]["shape"])'
1> mine 4 2 pread [131072]
$ MAPMETER_SUITES=. mapmeter list suites
1> suites, lists of cases (mapmeter run NAME):
1> ...
1>   good: to be selected from
1> ...
1>   quick: *
1> ...
