"""A cold file that is read to its end brings its own length from the device, within 1 %, by the
process's own account and by the device's, whatever the engine."""
from truths import MIB, Folder, skip

SIZE = 64 * MIB
ENGINES = "marray,mmap,pread,direct"


def near(found, expected):
    return abs(found - expected) <= expected / 100


def main():
    checked = 0
    with Folder() as folder:
        record = folder.run("-w", "sequential", "-e", ENGINES, "-c", "cold", "--size", str(SIZE),
                            "--launches", "2")
    cases = {case["id"]: case for case in record["cases"]}
    for launch in record["launches"]:
        name = cases[launch["case"]]["name"]
        sample = launch["samples"][0]
        assert sample["bytes"] == SIZE, name
        own = sample["device"]["read_bytes"]
        if isinstance(own, dict):
            skip(f"the bytes a process has read are not to be had: {own['unavailable']}")
        assert near(own, SIZE), f"{name}: {own} bytes by /proc/self/io"
        storage = sum(sample["phases"][phase]["counters"]["storage_read_bytes"]
                      for phase in ("open", "touch"))
        assert near(storage, SIZE), f"{name}: {storage} bytes by the phases"
        # Others may use the device meanwhile: it can only have delivered more.
        device = sample["machine"]["device_read_bytes"]
        if not isinstance(device, dict):
            assert device >= SIZE * 0.99, f"{name}: {device} bytes by the device"
            print(f"{name}: {own / SIZE:.4f} by the process, {device / SIZE:.4f} by the device")
        checked += 1
    reasons = [case["skipped"] for case in cases.values() if case["skipped"]]
    if not checked:
        skip(f"no file can be cold here: {reasons[0]}")
    assert checked + 2 * len(reasons) == 2 * len(cases)


main()
