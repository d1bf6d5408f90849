"""The man pages say what marray.h says, and their example compiles.

With --complete also: every function of marray.h is in a page.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.environ["MAPMETER_SOURCE_DIR"]
PAGES = os.path.join(SOURCE, "docs/man")


def squeeze(text):
    return re.sub(r"\s+", " ", text).strip()


def header_prototypes():
    with open(os.path.join(SOURCE, "mapping/marray.h"), encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
    found = re.finditer(r"MARRAY_API\s+([^;{#]*?\b(marray_\w+)\([^;]*\));", text)
    return {match.group(2): squeeze(match.group(1)) for match in found}


def section(page, name):
    match = re.search(rf"^\.SH {name}\n(.*?)(?=^\.SH |\Z)", page, re.MULTILINE | re.DOTALL)
    return match.group(1) if match else ""


def page_prototypes(page):
    lines = re.findall(r'^\.B "(.*)"$', section(page, "SYNOPSIS"), re.MULTILINE)
    text = " ".join(lines).replace("\\-", "-").replace("\\e", "\\")
    found = re.finditer(r"([^;]*?\b(marray_\w+)\([^;]*\));", text)
    return {match.group(2): squeeze(match.group(1)) for match in found}


def check_page(name, page, header, faults):
    names = section(page, "NAME").split(" \\- ")[0].strip().split(", ")
    if names[0] != name:
        faults.append(f"{name}.3: NAME begins with {names[0]}")
    prototypes = page_prototypes(page)
    for function in set(prototypes) - set(names):
        faults.append(f"{name}.3: {function}() is missing in NAME")
    for function, text in prototypes.items():
        if header.get(function) != text:
            faults.append(f"{name}.3: '{text}', but marray.h has '{header.get(function)}'")
    for other in re.findall(r"^\.BR (marray\w*) \(3\)", page, re.MULTILINE):
        # A page, or a function that some page is about.
        if not os.path.exists(os.path.join(PAGES, other + ".3")) and other not in header:
            faults.append(f"{name}.3: {other}(3) is neither a page nor a function")
    return prototypes


def check_format(path, faults):
    if not shutil.which("groff"):
        print("groff is missing: the format was not checked")
        return
    run = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", path], capture_output=True,
                         text=True, check=False)
    if run.returncode or run.stderr:
        faults.append(f"{path}: {run.stderr.strip()}")


def check_example(page, compiler, faults):
    code = section(page, "EXAMPLE").replace(".nf\n", "").replace(".fi\n", "").replace("\\-", "-")
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "example.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(f'#include "mapping/marray.h"\nint main(void)\n{{\n{code}\nreturn 0;\n}}\n')
        run = subprocess.run([compiler, "-std=c17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                              "-I", SOURCE, source], capture_output=True, text=True, check=False)
        if run.returncode:
            faults.append(f"marray.3: its example does not compile: {run.stderr}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--complete", action="store_true")
    options = parser.parse_args()
    header = header_prototypes()
    faults = []
    documented = set()
    for file_name in sorted(os.listdir(PAGES)):
        if not file_name.endswith(".3"):
            continue
        path = os.path.join(PAGES, file_name)
        with open(path, encoding="utf-8") as file:
            page = file.read()
        documented |= set(check_page(file_name[:-2], page, header, faults))
        check_format(path, faults)
        if file_name == "marray.3":
            check_example(page, options.compiler, faults)
    missing = sorted(set(header) - documented)
    if missing and options.complete:
        faults.append("in no page: " + ", ".join(missing))
    print(f"{len(documented)} of {len(header)} functions are in pages; in none: {missing}")
    for fault in faults:
        print(fault)
    return 1 if faults or not documented else 0


if __name__ == "__main__":
    sys.exit(main())
