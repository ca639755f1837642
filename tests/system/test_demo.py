# SPDX-License-Identifier: Apache-2.0
"""scripts/demo as a new user runs it, except for the build."""

import os
import secrets
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lab import Lab, run, wait_until
from lab.state import State, start_time

DEMO = Path(__file__).resolve().parents[2] / "scripts" / "demo"
# Not to get in the way of one that somebody has kept.
NAME = f"tsn-{secrets.token_hex(2)}"


@pytest.fixture(autouse=True)
def removed():
    yield
    Lab.remove(NAME)


def start_demo(*argv):
    return subprocess.Popen(
        [DEMO, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"TSN_DEMO_NAME": NAME})


def demo(*argv):
    demonstration = start_demo(*argv)
    output, _ = demonstration.communicate(timeout=120)
    return subprocess.CompletedProcess(argv, demonstration.returncode, output)


def namespaces():
    return [line for line in run("ip", "netns", "list").splitlines()
            if line.split()[0] in (f"{NAME}-tor1", f"{NAME}-bms1")]


def test_demo__kept__can_be_looked_at_and_removed(build_dir):
    done = demo("--build-dir", build_dir, "--keep")
    assert done.returncode == 0, done.stdout
    assert "demo passed" in done.stdout
    state = State.load(NAME)
    assert state.kept and len(namespaces()) == 2

    again = demo("--build-dir", build_dir)
    assert again.returncode == 1
    assert "--down" in again.stdout
    assert len(namespaces()) == 2

    assert demo("--down").returncode == 0
    assert namespaces() == []
    assert all(start_time(pid) is None for pid in state.processes)
    assert demo("--down").returncode == 0


def test_demo__interrupted__cleans_up_and_runs_again(build_dir):
    demonstration = start_demo("--build-dir", build_dir)
    wait_until(namespaces, 30, "the demonstration's namespaces")
    demonstration.send_signal(signal.SIGINT)
    output, _ = demonstration.communicate(timeout=30)
    assert demonstration.returncode == 1
    assert "interrupted" in output
    assert namespaces() == [] and State.load(NAME) is None

    start = time.monotonic()
    done = demo("--build-dir", build_dir)
    assert done.returncode == 0, done.stdout
    assert time.monotonic() - start < 60
    assert namespaces() == []


def test_demo__runner_killed__next_run_removes_the_rest(build_dir):
    demonstration = start_demo("--build-dir", build_dir)
    wait_until(lambda: len(namespaces()) == 2, 30,
               "the demonstration's namespaces")
    demonstration.kill()
    demonstration.wait()
    done = demo("--build-dir", build_dir)
    assert done.returncode == 0, done.stdout
    assert "left behind" in done.stdout


def test_demo__step_fails__says_which_and_where_to_look(tmp_path):
    done = demo("--build-dir", tmp_path)
    assert done.returncode == 1
    assert "step failed: tsn-controller" in done.stdout
    assert "log files" in done.stdout
    assert namespaces() == []
