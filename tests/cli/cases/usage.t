# The program and its subcommands, called wrongly and for help.
$ mapmeter
1> Usage: mapmeter COMMAND [OPTION...]
1> ...
1>   run       measure a suite, or the cases that the options name
1>   list      workloads, engines, suites and metrics, each with its parameters
1>   doctor    what this machine can measure, what it cannot, and the remedy
1>   report    write the page, the plots and the summary of a record again
1>   compare   two records beside each other
1>   gate      two builds, plug-ins or commands: did it get worse?
1>   history   records of many days: what changed, and when
1> 
1> To begin with:
1> ...
$ mapmeter --help
1> Usage: mapmeter COMMAND [OPTION...]
1> ...
$ mapmeter --version
1> mapmeter *.*.*
$ mapmeter rnu
2> mapmeter: unknown command 'rnu', did you mean 'run'?
exit 2
$ mapmeter measure
2> mapmeter: unknown command 'measure'; 'mapmeter --help' shows what there is
exit 2
$ mapmeter --json
2> mapmeter: unknown option '--json'; 'mapmeter --help' shows what there is
exit 2
$ mapmeter run --help
1> Usage: mapmeter run [OPTION...] [SUITE]
1> ...
1>       --dry-run *
1> ...
1> Examples:
1> ...
$ mapmeter run -h
1> Usage: mapmeter run [OPTION...] [SUITE]
1> ...
$ mapmeter list --help
1> Usage: mapmeter list *
1> ...
$ mapmeter doctor --help
1> Usage: mapmeter doctor [OPTION...]
1> ...
$ mapmeter compare --help
1> Usage: mapmeter compare [OPTION...] A B
1> ...
$ mapmeter report --help
1> Usage: mapmeter report [OPTION...] RECORD
1> ...
$ mapmeter run
2> mapmeter run: name a suite (such as quick) or a workload (such as --workload sequential); 'mapmeter list' shows all
exit 2
$ mapmeter run --workloat sequential
2> mapmeter run: unknown option '--workloat', did you mean '--workload'?
exit 2
$ mapmeter run --d quick
2> mapmeter run: option '--d' could be several; write it out
exit 2
$ mapmeter run -x
2> mapmeter run: unknown option '-x'; --help shows all
exit 2
$ mapmeter run quick --out
2> mapmeter run: option '--out' needs a value: --out DIR
exit 2
$ mapmeter run quick -p
2> mapmeter run: option '-p' needs a value: -p NAME=VALUE,...
exit 2
$ mapmeter run quick --dry-run=yes
2> mapmeter run: option '--dry-run' takes no value
exit 2
$ mapmeter run quick slow
2> mapmeter run: 'quick' and 'slow': run takes one suite
exit 2
$ mapmeter run quick --launches 0
2> mapmeter run: --launches 0: write a whole number from 1 to 10000
exit 2
$ mapmeter run quick --seed first
2> mapmeter run: --seed first: write a whole number below 2^64
exit 2
$ mapmeter list workload
2> mapmeter list: unknown kind 'workload', did you mean 'workloads'?
exit 2
$ mapmeter doctor now
2> mapmeter doctor: 'now': doctor takes options only
exit 2
$ mapmeter worker
2> mapmeter worker: --channel N is needed
exit 2
$ mapmeter worker --channel 77
2> mapmeter worker: --channel 77: no open descriptor
exit 2
$ mapmeter list > /dev/full
2> mapmeter list: standard output: No space left on device
exit 4
$ mapmeter list --json > /dev/full
2> mapmeter list: standard output: No space left on device
exit 4
