#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Counts test results, each case of a test program by itself.

usage: tally.py [--check BUILD-DIR] [--pytest JUNIT.xml] [--case NAME=STATUS]...

  --check   the *.trs and *.log files of "make check", cmocka's output in TAP
  --pytest  the report of a pytest run
  --case    one further case, passed if STATUS is 0

The last line says "N passed, N failed".  The exit status is 0 if none failed
and some passed."""

import argparse
import re
import sys
import xml.etree.ElementTree
from pathlib import Path

RESULT = re.compile(r"^(ok|not ok) \d+(?: - (\S+))?(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)$")


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def add(self, name, outcome):
        if outcome == "passed":
            self.passed += 1
        else:
            {"failed": self.failed, "skipped": self.skipped}[outcome].append(
                name)

    def add_program(self, name, result, log):
        """One program of "make check".  What prints no TAP is one case."""
        planned, seen, failed = 0, 0, 0
        for line in log.splitlines():
            if match := PLAN.match(line):
                planned += int(match[1])
            elif match := RESULT.match(line):
                seen += 1
                outcome = "passed" if match[1] == "ok" else "failed"
                if "# SKIP" in match[3].upper():
                    outcome = "skipped"
                failed += outcome == "failed"
                self.add(f"{name}: {match[2]}", outcome)
        if not planned and not seen:
            self.add(name, {"PASS": "passed", "SKIP": "skipped"}.get(
                result, "failed"))
        elif seen < planned:
            # It ended, or was ended, in the middle.
            for i in range(planned - seen):
                self.add(f"{name}: did not get to case {seen + i + 1} of "
                         f"{planned}", "failed")
        elif result != "PASS" and not failed:
            # All cases passed, but for example memory was leaked.
            self.add(f"{name}: {result}, see its log", "failed")

    def add_check(self, build_dir):
        for trs in sorted(Path(build_dir).glob("**/*.trs")):
            match = re.search(r"^:test-result: (\w+)", trs.read_text(),
                              re.MULTILINE)
            log = trs.with_suffix(".log")
            self.add_program(str(trs.relative_to(build_dir).with_suffix("")),
                             match[1] if match else "ERROR",
                             log.read_text(errors="replace")
                             if log.exists() else "")

    def add_pytest(self, path):
        try:
            root = xml.etree.ElementTree.parse(path).getroot()
        except (FileNotFoundError, xml.etree.ElementTree.ParseError) as error:
            self.add(f"pytest: no report ({error})", "failed")
            return
        for case in root.iter("testcase"):
            name = f"{case.get('classname')}: {case.get('name')}"
            if case.find("failure") is not None \
                    or case.find("error") is not None:
                self.add(name, "failed")
            elif case.find("skipped") is not None:
                self.add(name, "skipped")
            else:
                self.add(name, "passed")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--check", action="append", default=[])
    parser.add_argument("--pytest", action="append", default=[])
    parser.add_argument("--case", action="append", default=[])
    args = parser.parse_args()

    tally = Tally()
    for build_dir in args.check:
        tally.add_check(build_dir)
    for path in args.pytest:
        tally.add_pytest(path)
    for case in args.case:
        name, status = case.rsplit("=", 1)
        tally.add(name, "passed" if status == "0" else "failed")

    for name in tally.skipped:
        print(f"skipped: {name}")
    for name in tally.failed:
        print(f"failed: {name}")
    print(f"{tally.passed} passed, {len(tally.failed)} failed")
    return 0 if tally.passed and not tally.failed else 1


if __name__ == "__main__":
    sys.exit(main())
