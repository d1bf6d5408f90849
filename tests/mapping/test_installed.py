"""The installed libmarray is what a program takes: by pkg-config, by find_package, from C and C++; it
shows the functions of marray.h under its version and nothing else."""
import argparse
import glob
import os
import re
import subprocess
import tempfile

SOURCE = os.environ["MAPMETER_SOURCE_DIR"]
PROGRAM = """
#include <marray.h>
#include <stdio.h>

static int add_up(struct marray *chunk, void *context)
{
    struct marray_f8_vector items;
    int status = marray_f8_vector(chunk, false, &items);
    for (uint64_t i = 0; status == 0 && i < items.length; i++)
        *(double *)context += marray_f8_get(items, i);
    return status;
}

int main(int, char **);
int main(int count, char **arguments)
{
    struct marray_message message = {""};
    struct marray_spec spec = MARRAY_SPEC_INIT;
    struct marray_chunks_spec walk = MARRAY_CHUNKS_SPEC_INIT;
    uint64_t shape[] = {1000};
    double value = 1.5, sum = 0;
    struct marray *array = NULL, *view = NULL;
    spec.mode = MARRAY_CREATE;
    spec.dtype = "<f8";
    spec.dimensions = 1;
    spec.shape = shape;
    spec.message = &message;
    if (count != 2 || marray_open(arguments[1], &spec, &array)) {
        fprintf(stderr, "%s\\n", message.text);
        return 1;
    }
    struct marray_slice every_second[] = {MARRAY_RANGE(MARRAY_NONE, MARRAY_NONE, 2)};
    if (marray_fill(array, NULL, &value) || marray_slice(array, every_second, 1, &view) ||
        marray_close(&view) || marray_chunks_each(array, &walk, add_up, &sum) ||
        marray_flush(array, MARRAY_FLUSH_DATA) || marray_close(&array))
        return 1;
    printf("%g\\n", sum);
    return 0;
}
"""
CMAKE = """
cmake_minimum_required(VERSION 3.16)
project(user LANGUAGES C CXX)
find_package(marray 0.1 REQUIRED)
add_executable(shared program.c)
target_link_libraries(shared PRIVATE marray::marray)
add_executable(static program.cc)
target_link_libraries(static PRIVATE marray::marray_static)
"""


class Installed:
    def __init__(self, work):
        self.work = work
        self.prefix = os.path.join(work, "a prefix")
        self.environment = dict(os.environ, CMAKE_PREFIX_PATH=self.prefix)

    def run(self, *command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, cwd=self.work, env=self.environment)
        if done.returncode:
            raise SystemExit(f"{command} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def install(self):
        self.run("cmake", "--install", os.environ["MAPMETER_BUILD_DIR"], "--prefix", self.prefix)
        self.library = self.find("libmarray.so")
        self.environment.update(PKG_CONFIG_PATH=os.path.dirname(self.find("marray.pc")),
                                LD_LIBRARY_PATH=os.path.dirname(self.library))
        for name in ("program.c", "program.cc"):
            self.write(name, PROGRAM)

    def find(self, name):
        found = glob.glob(os.path.join(self.prefix, "**", name), recursive=True)
        assert len(found) == 1, (name, found)
        return found[0]

    def write(self, name, text):
        with open(os.path.join(self.work, name), "w", encoding="utf-8") as file:
            file.write(text)

    def check_program(self, program):
        said = self.run(program, os.path.join(self.work, "data"))
        assert said == "1500\n", said

    def take_by_pkg_config(self, compilers):
        # Spaces in the prefix come escaped, as a shell wants them.
        flags = self.run("pkg-config", "--cflags", "--libs", "marray").strip()
        for compiler, standard, source in compilers:
            self.run("sh", "-ec", f"{compiler} -std={standard} -Wall -Wextra -Wpedantic -Wshadow "
                                  f"-Wconversion -Werror {source} {flags} -o by-pkg-config")
            self.check_program("./by-pkg-config")

    def take_by_find_package(self):
        self.write("CMakeLists.txt", CMAKE)
        self.run("cmake", "-S", ".", "-B", "b", "-G", "Ninja")
        self.run("cmake", "--build", "b")
        for program in ("b/shared", "b/static"):
            self.check_program(os.path.join(self.work, program))

    def check_symbols(self):
        with open(os.path.join(SOURCE, "mapping/marray.h"), encoding="utf-8") as file:
            text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
        declared = set(re.findall(r"MARRAY_API[^;{]*?\b(marray_\w+)\(", text))
        shown = set()
        for line in self.run("nm", "-D", "--defined-only", "--with-symbol-versions",
                             self.library).splitlines():
            kind, name = line.split()[1:]
            if kind != "A":
                shown.add(name)
        wanted = {f"{name}@@LIBMARRAY_0.1" for name in declared}
        assert shown == wanted, f"shown but not declared or the other way: {shown ^ wanted}"
        print(f"{len(shown)} functions, each in marray.h and under its version")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--cxx", default="c++")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="marray-installed-",
                                     dir=os.environ.get("TMPDIR", "/var/tmp")) as work:
        installed = Installed(work)
        installed.install()
        installed.check_symbols()
        installed.take_by_pkg_config([(options.cc, "c11", "program.c"),
                                      (options.cc, "c17", "program.c"),
                                      (options.cxx, "c++11", "program.cc"),
                                      (options.cxx, "c++20", "program.cc")])
        installed.take_by_find_package()


main()
