"""The works of ci/peers by fio: settings to try, and the time that one run took."""
import json
import os
import subprocess

PAGE = 4096


def index_list(seed, count, limit):
    """peer_index() of mapmeter_peer."""
    mask = (1 << 64) - 1
    for k in range(count):
        value = (seed + k + 0x9e3779b97f4a7c15) & mask
        value = ((value ^ (value >> 30)) * 0xbf58476d1ce4e5b9) & mask
        value = ((value ^ (value >> 27)) * 0x94d049bb133111eb) & mask
        yield (value ^ (value >> 31)) % limit


def has_huge_pages():
    with open("/proc/sys/vm/nr_hugepages", encoding="ascii") as file:
        return int(file.read()) > 0


def settings_of(work):
    """name -> options of fio."""
    if work == "gather":
        names = {f"io_uring direct, depth {depth}": ["--ioengine=io_uring", "--direct=1",
                                                     f"--iodepth={depth}", "--replay_no_stall=1"]
                 for depth in (32, 128, 256)}
        names["psync, page cache"] = ["--ioengine=psync", "--replay_no_stall=1"]
        return names
    if work == "stride":
        return {f"io_uring direct, depth {depth}": ["--ioengine=io_uring", "--direct=1",
                                                    f"--iodepth={depth}", "--bs=4k"]
                for depth in (32, 128, 256)}
    sizes = [(size, depth) for size in ("256k", "1m", "2m") for depth in (4, 8)]
    names = {f"io_uring direct, {size}, depth {depth}":
             ["--ioengine=io_uring", "--direct=1", f"--iodepth={depth}", f"--bs={size}"]
             for size, depth in sizes}
    if has_huge_pages():
        names.update({f"{name}, huge-page buffers": options + ["--iomem=mmaphuge"]
                      for name, options in list(names.items()) if "1m" in name or "2m" in name})
    if work == "stream":
        names["psync, page cache"] = ["--ioengine=psync", "--bs=1m"]
        names["mmap"] = ["--ioengine=mmap", "--bs=1m"]
    return names


def write_log(path, target, run):
    """The accesses of a gather in their order, a page each, for fio to replay."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"fio version 2 iolog\n{target} add\n{target} open\n")
        for index in index_list(run["seed"], run["count"], run["size"] // 8):
            file.write(f"{target} read {index * 8 // PAGE * PAGE} {PAGE}\n")
        file.write(f"{target} close\n")


def run_fio(work, setting, path, run, folder):
    """Milliseconds as fio counts them, in nanoseconds. fio does not look at what it reads."""
    options = list(settings_of(work)[setting])
    if work == "gather":
        log = os.path.join(folder, f"iolog-{run['seed']}-{run['count']}")
        if not os.path.exists(log):
            write_log(log, path, run)
        options.append(f"--read_iolog={log}")
    elif work == "stride":
        options += ["--rw=read:%dk" % ((run["step"] - PAGE) // 1024), f"--size={run['size']}",
                    f"--io_size={run['size'] // run['step'] * PAGE}", f"--filename={path}"]
    elif work == "stream":
        options += ["--rw=read", f"--size={run['size']}", f"--filename={path}"]
    else:
        if os.path.exists(path):
            os.unlink(path)
        options += ["--rw=write", f"--size={run['size']}", f"--filename={path}", "--end_fsync=1",
                    "--fallocate=native"]
    done = subprocess.run(["fio", "--name=peer", "--output-format=json", "--invalidate=0",
                           "--allow_file_create=1", *options], capture_output=True, text=True,
                          check=False, cwd=folder)
    if done.returncode:
        raise SystemExit(f"ci/peers: fio {setting}: {done.stderr.strip() or done.stdout[-300:]}")
    job = json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]
    return {"elapsed_ns": job["job_runtime"] * 1_000_000, "flush_ns": 0, "checksum": None}
