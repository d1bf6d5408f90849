# Misspelled names and units: on the command line the option is named, in a suite file and line,
# and each time the nearest right name.
$ mapmeter run quik
2> mapmeter run: unknown suite 'quik', did you mean 'quick'?
exit 2
$ mapmeter run -w sequentail
2> mapmeter run: --workload: unknown workload 'sequentail', did you mean 'sequential'?
exit 2
$ mapmeter run -w sequential -e mmpa
2> mapmeter run: --engine: unknown engine 'mmpa', did you mean 'mmap'?
exit 2
$ mapmeter run quick -e marry
2> mapmeter run: --engine: unknown engine 'marry', did you mean 'marray'?
exit 2
$ mapmeter run -w sequential -c wram
2> mapmeter run: --cache: *'wram'*
exit 2
$ mapmeter run -w sequential -m latensy
2> mapmeter run: --measure: 'latensy' is not to be measured, did you mean 'latency'?
exit 2
$ mapmeter run -w sequential --rate 1000
2> mapmeter run: --rate 1000: a rate is for latency: add --measure latency
exit 2
$ mapmeter run -m latency --command true
2> mapmeter run: --command and --measure exclude each other
exit 2
$ mapmeter run -w sequential -p blok=4KiB
2> mapmeter run: -p blok=4KiB: unknown parameter 'blok' of sequential, did you mean 'block'?
exit 2
$ mapmeter run -w sequential -e memory -p advice=random
2> mapmeter run: -p advice=random: unknown parameter 'advice' of sequential; 'mapmeter list' shows all
exit 2
$ mapmeter run -w sequential -p operation=raed
2> mapmeter run: -p operation=raed: parameter 'operation': *did you mean 'read'?*
exit 2
$ mapmeter run -w sequential -p block=64Kib
2> mapmeter run: -p block=64Kib: parameter 'block': '64Kib' is not a size*
exit 2
$ mapmeter run -w sequential --size 64Mib
2> mapmeter run: --size: '64Mib' is not a size, did you mean 'MiB'?
exit 2
$ mapmeter run -w sequential --size 64K
2> mapmeter run: --size: '64K' is not a size (write 64KiB, 16MiB or 4GiB)
exit 2
$ mapmeter run -w sequential -p block
2> mapmeter run: -p block: write name=value or name=value,value
exit 2
$ mapmeter run -w sequential -p block=1MiB -p block=2MiB
2> mapmeter run: -p block=2MiB: 'block' is given twice; several values are one list: -p block=a,b
exit 2

file workload.yaml
| name: mine
| cases:
|   - workload: sequentail
$ mapmeter run workload.yaml
2> mapmeter run: workload.yaml:3: unknown workload 'sequentail', did you mean 'sequential'?
exit 2

file engine.yaml
| name: mine
| cases:
|   - workload: sequential
|     engine:
|       - mmap
|       - pred
$ mapmeter run engine.yaml
2> mapmeter run: engine.yaml:6: unknown engine 'pred', did you mean 'pread'?
exit 2

file parameter.yaml
| name: mine
| cases:
|   - workload: sequential
|     parameters:
|       blokc: 4KiB
$ mapmeter run ./parameter.yaml
2> mapmeter run: ./parameter.yaml:5: unknown parameter 'blokc' of sequential, did you mean 'block'?
exit 2

file choice.yaml
| name: mine
| cases:
|   - workload: sequential
|     parameters:
|       block: 4KiB
|       operation: [read, wriet]
$ mapmeter run choice.yaml
2> mapmeter run: choice.yaml:6: parameter 'operation': *did you mean 'write'?*
exit 2

file unit.yaml
| name: mine
| defaults:
|   size: 64MB
| cases:
|   - workload: sequential
|     size: 64Mib
$ mapmeter run unit.yaml
2> mapmeter run: unit.yaml:6: '64Mib' is not a size, did you mean 'MiB'?
exit 2

file duration.yaml
| name: mine
| cases:
|   - workload: sequential
|     timeout: 5
$ mapmeter run duration.yaml
2> mapmeter run: duration.yaml:4: '5' is not a duration (write 250ms, 60s or 5m)
exit 2

file key.yaml
| name: mine
| cases:
|   - workload: sequential
|     lanches: 3
$ mapmeter run key.yaml
2> mapmeter run: key.yaml:4: unknown key 'lanches' in a case, did you mean 'launches'?
exit 2
$ mapmeter run key.yaml --dry-run
2> mapmeter run: key.yaml:4: unknown key 'lanches' in a case, did you mean 'launches'?
exit 2

# A suite found by its name in $MAPMETER_SUITES is named by its path.
$ MAPMETER_SUITES=. mapmeter run key
2> mapmeter run: ./key.yaml:4: unknown key 'lanches' in a case, did you mean 'launches'?
exit 2
