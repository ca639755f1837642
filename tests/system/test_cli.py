# SPDX-License-Identifier: Apache-2.0
"""tsnctl shows what is there, for people and for programs."""

import json
import subprocess

import pytest

from lab import wait_until
from lab.lab import SANITIZER_ENV, SERVICES

# Where each thing is to be seen.
TABLES = {
    "tors": ["tor1", "tor2", "10.0.0.1", "10.0.0.2"],
    "networks": ["blue", "100"],
    "rows": ["02:cc:00:00:00:01", "contrail-", "10.0.0.100", "written"],
    "macs": ["02:bb:00:00:00:01", "02:bb:00:00:00:02", "02:cc:00:00:00:01"],
    "flood": ["blue", "10.0.0.1", "10.0.0.2", "10.0.0.21"],
}


def tsnctl(lab, *argv):
    return subprocess.run(
        [lab.program("tsnctl"), "--run-dir", lab.run_dir, *argv],
        capture_output=True, text=True, timeout=20, env=SANITIZER_ENV)


def learn(lab):
    """A switch forgets a server that says nothing for 15 s, and needs a second
    or two to program a VM's MAC."""
    return all(server.ping(lab.vm) for server in lab.servers)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("as_json", [False, True])
def test_show__everything_up__shows_it(lab, table, as_json):
    def shown():
        if not learn(lab):
            return False
        done = tsnctl(lab, "show", table, *(["--json"] if as_json else []))
        assert (done.returncode, done.stderr) == (0, "")
        text = json.dumps(json.loads(done.stdout)) if as_json else done.stdout
        return all(word in text.lower() for word in TABLES[table])

    wait_until(shown, 10, f"'show {table}' to show all of {TABLES[table]}",
               interval=0.5)


@pytest.mark.parametrize("as_json", [False, True])
def test_status__everything_up__names_all(lab, as_json):
    done = tsnctl(lab, "status", *(["--json"] if as_json else []))
    assert (done.returncode, done.stderr) == (0, "")
    if as_json:
        json.loads(done.stdout)
    for name in SERVICES:
        assert name in done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_status__one_down__says_which(lab, name):
    lab.service(name).stop()
    try:
        assert f"{name}: not running" in lab.tsnctl("status")
        status = lab.tsnctl("status", as_json=True)
        assert [program for program in SERVICES if status[program] is None] \
            == [name]
    finally:
        lab.service(name).start()
        wait_until(lambda: lab.tsnctl("status", as_json=True)[name], 10,
                   f"{name} to be up again")


def test_status__nothing_runs__says_so(lab, tmp_path):
    for option in ([], ["--json"]):
        done = subprocess.run(
            [lab.program("tsnctl"), "--run-dir", tmp_path, "status", *option],
            capture_output=True, text=True, timeout=20)
        assert done.returncode == 1
        assert str(tmp_path) in done.stderr


@pytest.mark.parametrize("table,name", [("tors", "tsn-tor-agent"),
                                        ("flood", "tsn-replicator")])
def test_show__program_down__says_so(lab, table, name):
    lab.service(name).stop()
    try:
        done = tsnctl(lab, "show", table)
        assert done.returncode == 1
        assert name in done.stderr
    finally:
        lab.service(name).start()


@pytest.mark.parametrize("argv,status", [
    ([], 2), (["--nonsense"], 2), (["nonsense"], 1), (["show"], 1),
    (["show", "nonsense"], 1), (["status", "too", "much"], 1),
    (["a b"], 2)], ids=str)
def test_usage__wrong__says_so(lab, argv, status):
    done = tsnctl(lab, *argv)
    assert done.returncode == status
    assert done.stderr and not done.stdout


@pytest.mark.parametrize("argv", [["--help"], ["help"]], ids=str)
def test_help__asked_for__is_given(lab, argv):
    done = tsnctl(lab, *argv)
    assert done.returncode == 0
    assert "show tors" in done.stdout
