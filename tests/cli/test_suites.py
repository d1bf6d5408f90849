#!/usr/bin/env python3
"""The shipped suites can be planned as they stand, and the schema for editors knows the keys and the
limits that the program knows."""

import json
import os
import re
import subprocess

import sandbox

ROOT = os.environ["MAPMETER_SOURCE_DIR"]
SHIPPED = {"ci", "full", "latency", "pressure", "quick", "tuning"}


def mapmeter(box, *arguments):
    return subprocess.run(["mapmeter", *arguments], cwd=box.folder, env=box.environment, check=True,
                          capture_output=True, text=True).stdout


def check_suites(box):
    suites = {suite["name"]: suite["purpose"]
              for suite in json.loads(mapmeter(box, "list", "suites", "--json"))["suites"]}
    assert SHIPPED <= set(suites), suites
    for name, purpose in suites.items():
        assert purpose and "\n" not in purpose and "cannot be used" not in purpose, purpose
        plan = mapmeter(box, "run", name, "--dry-run")
        cases, skipped = map(int, re.search(r"(\d+) cases, (\d+) of them skipped", plan).groups())
        assert cases >= 10, f"{name}: {cases} cases"
        # Some engines cannot do everything, and some places have no cold or no limit of memory; most
        # has to be measured.
        if not re.search("(cold|pressure) is not to be had", plan):
            assert skipped < cases / 3, f"{name}: {skipped} skipped\n{plan}"


def source(name):
    with open(os.path.join(ROOT, "harness", name), encoding="utf-8") as stream:
        return stream.read()


def keys_of_the_parser():
    text = source("plan_suite.c")
    settings = re.search(r"#define SETTING_KEYS +\\\n((?:.*\\\n)*.*)\n", text).group(1)
    found = {}
    for name in ("SUITE_KEYS", "DEFAULT_KEYS", "CASE_KEYS"):
        line = re.search(name + r"\[\] = \{(.*?)\};", text, re.DOTALL).group(1)
        found[name] = set(re.findall(r'"([^"]+)"', line.replace("SETTING_KEYS", settings)))
    return found


def check_schema():
    with open(os.path.join(ROOT, "workloads/suites/suite.schema.json"), encoding="utf-8") as stream:
        schema = json.load(stream)
    parser = keys_of_the_parser()
    assert len(parser["DEFAULT_KEYS"]) >= 8, parser
    places = {
        "SUITE_KEYS": schema,
        "DEFAULT_KEYS": schema["properties"]["defaults"],
        "CASE_KEYS": schema["properties"]["cases"]["items"],
    }
    for name, place in places.items():
        assert set(place["properties"]) == parser[name], (
            f"{name}: {set(place['properties']) ^ parser[name]}")
        assert place["additionalProperties"] is False, name
    limits = source("plan_internal.h")
    for name, key in (("LAUNCH", "launches"), ("SAMPLE", "samples"), ("ITERATION", "iterations"),
                      ("WARMUP", "warmup")):
        limit = re.search(rf"MM_PLAN_{name}_LIMIT +(?:UINT64_C\()?(\d+)", limits).group(1)
        assert schema["$defs"][key]["maximum"] == int(limit), key
    most = re.search(r"MM_PLAN_LIST_LIMIT +(\d+)", limits).group(1)
    assert schema["$defs"]["values"]["anyOf"][1]["maxItems"] == int(most)


with sandbox.Sandbox() as sandboxed:
    check_suites(sandboxed)
check_schema()
