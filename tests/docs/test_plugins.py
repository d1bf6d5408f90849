"""Follows docs/plugins.md: builds a workload against the installed headers and measures with it;
what does not fit is refused with exit code 2."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import page  # noqa: E402

SOURCE = "pointer_chase.c"


class Walk:
    def __init__(self, root, work, compiler):
        self.root = root
        self.work = work
        self.compiler = compiler
        self.prefix = os.path.join(work, "prefix")
        self.pages = {name: os.path.join(root, "docs", name)
                      for name in ("plugins.md", "adding-a-workload.md")}
        self.environment = dict(os.environ, MAPMETER_DATA_DIR=os.path.join(work, "data"))

    def run(self, *command, code=0, **options):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, cwd=self.work, env=self.environment, **options)
        if done.returncode != code:
            raise SystemExit(f"{command} ended with {done.returncode}, not {code}:\n{done.stdout}")
        return done.stdout

    def install(self):
        self.run("cmake", "--install", os.environ["MAPMETER_BUILD_DIR"], "--prefix", self.prefix)
        found = [os.path.join(folder, name) for folder, _, names in os.walk(self.prefix)
                 for name in names if name == "mapmeter.pc"]
        assert len(found) == 1, found
        self.environment.update(
            PATH=os.path.join(self.prefix, "bin") + ":" + os.environ["PATH"],
            PKG_CONFIG_PATH=os.path.dirname(found[0]), CMAKE_PREFIX_PATH=self.prefix)

    def text(self):
        """The file of the other page with the line of this one."""
        text = page.block_of_file(self.pages["adding-a-workload.md"], "workloads/" + SOURCE)
        lines = [block["text"] for block in page.blocks(self.pages["plugins.md"])
                 if block["language"] == "c"]
        assert len(lines) == 1 and lines[0].startswith("MM_WORKLOAD_PLUGIN("), lines
        return text + "\n" + lines[0]

    def write(self, name, text):
        with open(os.path.join(self.work, name), "w", encoding="utf-8") as file:
            file.write(text)

    def commands(self):
        return [command for block in page.blocks(self.pages["plugins.md"])
                for command in page.commands(block)]

    def check_record(self, out, plugin):
        with open(os.path.join(self.work, out, "results.json"), encoding="utf-8") as file:
            record = json.load(file)
        assert len(record["launches"]) == 2, len(record["launches"])
        for case in record["cases"]:
            assert case["workload"] == "pointer-chase"
            assert case["plugin"] == os.path.realpath(os.path.join(self.work, plugin)), case
        for launch in record["launches"]:
            assert launch["status"] == "ok", launch["failure"]
            sample = launch["samples"][0]
            assert sample["checksum"] == sample["expected_checksum"]
            assert int(sample["checksum"], 16) != 0
            assert sample["items"] == 1000, sample

    def follow(self):
        self.write(SOURCE, self.text())
        compile_command, run_command = self.commands()
        assert compile_command.startswith("cc "), compile_command
        self.run("sh", "-ec", self.compiler + " -Wall -Wextra -Werror " + compile_command[3:])
        self.run("sh", "-ec", run_command)
        self.check_record("first-chase", "pointer-chase.so")
        listing = self.run("mapmeter", "list", "workloads", "--plugin", "./pointer-chase.so")
        assert "pointer-chase" in listing and "hops=10000" in listing, listing

    def follow_with_cmake(self):
        self.write("CMakeLists.txt", page.block_of_file(self.pages["plugins.md"], "CMakeLists.txt"))
        self.run("cmake", "-S", ".", "-B", "b", "-G", "Ninja", f"-DCMAKE_C_COMPILER={self.compiler}")
        self.run("cmake", "--build", "b")
        arguments = ["-e", "mmap,pread", "-p", "hops=1000", "-c", "warm", "--size", "1MiB",
                     "--launches", "1", "--out", "second-chase"]
        self.write("suite.yaml", "name: mine\ncases:\n  - workload: pointer-chase\n")
        self.run("mapmeter", "run", "suite.yaml", "--plugin", "b/pointer-chase.so", *arguments)
        self.check_record("second-chase", "b/pointer-chase.so")
        # Known only with the plug-in.
        said = self.run("mapmeter", "run", "suite.yaml", code=2)
        assert "unknown workload 'pointer-chase'" in said, said

    def measure_latency(self):
        """What begins operations can be timed one by one; what does not says so, one way or the other."""
        arguments = ["-e", "mmap", "-p", "hops=1000", "-c", "warm", "--size", "1MiB", "--launches",
                     "1", "--measure", "latency", "--rate", "closed,100000"]
        self.run("mapmeter", "run", "--plugin", "./pointer-chase.so", *arguments, "--out", "timed")
        with open(os.path.join(self.work, "timed", "results.json"), encoding="utf-8") as file:
            launches = json.load(file)["launches"]
        assert len(launches) == 2, len(launches)
        for launch in launches:
            assert launch["histograms"]["touch_ns"]["count"] == 1000, launch
        silent = self.build_variant("silent", ("        mm_operation_begin(run);\n", ""),
                                    ("        mm_operation_mark(run, MM_LATENCY_TOUCH);\n", ""))
        said = self.run("mapmeter", "run", "--plugin", silent, *arguments, "--out", "silent-out",
                        code=4)
        assert "plans 1000 timed operations, but began none" in said, said
        untimed = self.build_variant("untimed",
                                     ("    needs->operations_per_pass = chosen->hops;\n", ""))
        said = self.run("mapmeter", "run", "--plugin", untimed, *arguments, "--dry-run")
        assert "the workload does not time its operations" in said, said

    def build_variant(self, name, *replaced):
        text = self.text()
        for old, new in replaced:
            assert old in text, old
            text = text.replace(old, new)
        self.write(f"{name}.c", text)
        flags = self.run("pkg-config", "--cflags", "mapmeter").split()
        self.run(self.compiler, "-std=c17", "-fPIC", "-shared", *flags, "-o", f"{name}.so",
                 f"{name}.c")
        return f"./{name}.so"

    def refuse(self, plugin, *parts, plugins=()):
        more = [word for path in plugins for word in ("--plugin", path)]
        said = self.run("mapmeter", "run", "--plugin", plugin, *more, "--size", "1MiB", "--out",
                        "refused", code=2)
        assert len(said.splitlines()) == 1, said
        for part in (plugin[2:], *parts):
            assert part in said, f"'{part}' is not in: {said}"
        assert not os.path.exists(os.path.join(self.work, "refused"))

    def check_refusals(self):
        version = ".abi_version = MM_WORKLOAD_ABI_VERSION"
        size = ".size_bytes = sizeof(struct mm_workload)"
        self.refuse(self.build_variant("newer", (version, ".abi_version = 4711")),
                    "version 4711 of workload.h")
        self.refuse(self.build_variant("longer", (size, ".size_bytes = 4711")), "4711 bytes")
        line = "MM_WORKLOAD_PLUGIN(mm_workload_pointer_chase);"
        self.refuse(self.build_variant("nameless", (line, "")), "no symbol mm_workload_plugin")
        self.refuse(self.build_variant("untouched", ("    .touch = touch,\n",
                                                     "    .prepare = touch,\n")), "lacks")
        self.refuse(self.build_variant("taken", ('"pointer-chase",', '"random",')),
                    "called 'random'")
        self.refuse(self.build_variant("unparsed", ('.default_text = "10000"',
                                                    '.default_text = "some"')), "hops", "'some'")
        self.refuse(self.build_variant("loose", ("static uint64_t next_offset(",
                    "int nowhere_to_be_found(void);\nstatic uint64_t next_offset("),
                    ("return mm_random_mix(value + hop)",
                     "return mm_random_mix(value + hop) + (uint64_t)nowhere_to_be_found()")),
                    "nowhere_to_be_found")
        self.write("text.so", "no shared object\n")
        self.refuse("./text.so", "cannot be loaded")
        self.refuse("./missing.so", "No such file")
        self.refuse("./pointer-chase.so", "is also in", plugins=["./b/pointer-chase.so"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--compiler", default="cc")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mapmeter-plugins-",
                                     dir=os.environ.get("TMPDIR", "/var/tmp")) as work:
        walk = Walk(os.environ["MAPMETER_SOURCE_DIR"], work, arguments.compiler)
        walk.install()
        walk.follow()
        walk.follow_with_cmake()
        walk.measure_latency()
        walk.check_refusals()
    print("the page was followed to the letter, and what does not fit was refused")


main()
