# SPDX-License-Identifier: Apache-2.0
"""The count at the end of scripts/test is right."""

import subprocess
import sys
from pathlib import Path

TALLY = Path(__file__).resolve().parents[1] / "tally.py"
JUNIT = """<testsuites><testsuite>
<testcase classname="c" name="good"/>
<testcase classname="c" name="bad"><failure/></testcase>
<testcase classname="c" name="broken"><error/></testcase>
<testcase classname="c" name="left_out"><skipped/></testcase>
</testsuite></testsuites>"""


def tally(*argv):
    done = subprocess.run([sys.executable, TALLY, *argv], text=True,
                          stdout=subprocess.PIPE, timeout=20)
    return done.returncode, done.stdout.splitlines()[-1]


def program(directory, name, result, log):
    (directory / f"{name}.trs").write_text(f":test-result: {result}\n")
    (directory / f"{name}.log").write_text(log)


def test_tally__tap__counts_each_case(tmp_path):
    program(tmp_path, "a", "PASS", "1..2\nok 1 - x\nok 2 - y\n")
    program(tmp_path, "b", "FAIL", "1..2\nok 1 - x\nnot ok 2 - y\n")
    assert tally("--check", tmp_path) == (1, "3 passed, 1 failed")


def test_tally__program_dies__fails_the_rest(tmp_path):
    program(tmp_path, "a", "FAIL", "1..4\nok 1 - x\nSegmentation fault\n")
    assert tally("--check", tmp_path) == (1, "1 passed, 3 failed")


def test_tally__leak_after_all_passed__fails(tmp_path):
    program(tmp_path, "a", "FAIL", "1..1\nok 1 - x\nERROR: LeakSanitizer\n")
    assert tally("--check", tmp_path) == (1, "1 passed, 1 failed")


def test_tally__no_tap__is_one_case(tmp_path):
    program(tmp_path, "a", "PASS", "12 inputs\n")
    program(tmp_path, "b", "FAIL", "")
    assert tally("--check", tmp_path) == (1, "1 passed, 1 failed")


def test_tally__pytest__counts_errors_as_failures(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(JUNIT)
    assert tally("--pytest", report) == (1, "1 passed, 2 failed")


def test_tally__no_report__fails(tmp_path):
    assert tally("--pytest", tmp_path / "none.xml") == (
        1, "0 passed, 1 failed")


def test_tally__no_tests__fails(tmp_path):
    assert tally("--check", tmp_path) == (1, "0 passed, 0 failed")


def test_tally__all_is_well__succeeds():
    assert tally("--case", "x=0") == (0, "1 passed, 0 failed")
