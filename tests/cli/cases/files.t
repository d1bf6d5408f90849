# The user's own file: missing, too short, a folder, unreadable, not what it says. It is never
# changed, and nothing is made beside it.
$ mapmeter run -w sequential --file missing.npy
2> mapmeter run: --file missing.npy: No such file or directory
exit 2
$ mapmeter run -w sequential --file folder
2> mapmeter run: --file folder: is a folder; name a file
exit 2
$ mapmeter run -w sequential --file /dev/zero
2> mapmeter run: --file /dev/zero: not a regular file
exit 2
$ mapmeter run -w sequential --file empty.bin
2> mapmeter run: --file empty.bin: the file is empty
exit 2
$ $AS_USER mapmeter run -w sequential --file secret.bin
2> mapmeter run: --file secret.bin: Permission denied
exit 2
$ mapmeter run -w sequential --file cut.npy
2> mapmeter run: --file cut.npy: *
exit 2
$ mapmeter run -w sequential --file raw.bin --dtype '<f8' --shape 1000
2> mapmeter run: --file raw.bin: *
exit 2
$ mapmeter run -w sequential --file raw.bin --dtype '<f8' --offset 2000
2> mapmeter run: --file raw.bin: *
exit 2
$ mapmeter run -w sequential --file raw.bin --dtype '<z9'
2> mapmeter run: --file raw.bin: *
exit 2
$ mapmeter run -w sequential --file raw.bin --shape 10x10
2> mapmeter run: --shape 10x10: write whole numbers above 0 with commas: 1000,3
exit 2
$ mapmeter run -w sequential --file raw.bin --offset far
2> mapmeter run: --offset far: write a size, such as 128 or 4KiB
exit 2
$ mapmeter run -w sequential --file data.npy --dtype '<f4'
2> mapmeter run: --file data.npy: a .npy file describes itself; leave out --dtype, --shape and --offset
exit 2
$ cp raw.bin raw.npy && mapmeter run -w sequential --file raw.npy; code=$?; rm raw.npy; exit $code
2> mapmeter run: --file raw.npy: has not the header of a .npy file; say what it holds by --dtype
exit 2
$ mapmeter run -w sequential --file raw.bin --size 1MiB
2> mapmeter run: --size is for generated files; with --file use --shape
exit 2
$ mapmeter run -w sequential --dtype '<f8'
2> mapmeter run: --dtype says how to read your own file: add --file FILE
exit 2
$ mapmeter run -w sequential -p operation=write --file raw.bin
2> mapmeter run: --file raw.bin: this workload writes and would change the file; --allow-write lets it
exit 2
$ mapmeter run -w sequential -p operation=write --allow-write
2> mapmeter run: --allow-write says how to read your own file: add --file FILE
exit 2
$ chmod 444 raw.bin; $AS_USER mapmeter run -w sequential -p operation=write --file raw.bin --allow-write
2> mapmeter run: --file raw.bin: --allow-write, but it cannot be written: Permission denied
exit 2
$ mapmeter run -w tile-fft --file raw.bin
2> mapmeter run: --file raw.bin: *'<f4'*
exit 2
$ mapmeter run -w sequential -e mmap -c cold --file data.npy --dry-run --seed 1
1> ...
1> files:
1>   SANDBOX/data.npy: <f8 [1000], 7.81 KiB, your own, will only be read
1> 
1> cases (launches x samples x passes):
1>   sequential/engine:mmap/cache:cold/operation:read/direction:forward/block:1MiB/advice:normal/size:8000B: 6 x 1 x 1
$ mapmeter run -w sequential --data-dir raw.bin
2> mapmeter run: data folder SANDBOX/raw.bin: SANDBOX/raw.bin is not a folder; name one by --data-dir
exit 2
