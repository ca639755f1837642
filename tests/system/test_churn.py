# SPDX-License-Identifier: Apache-2.0
"""Everything that crosses threads of tsn-tor-agent, all at once: switches that
come and go, MACs between them, configurations, and questions.  What would go
wrong here is seldom seen in the result, but by the sanitizers; "scripts/test
--tsan" has this run with ThreadSanitizer."""

import signal
import threading

import pytest
import yaml

from lab import LabError, wait_until
from lab.hosts import Server
from lab.switch import OVSDB_PORT

N_SWITCHES = 16
N_WORKERS = 4
N_RELOADS = 40
# Also with a sanitizer that makes everything ten times slower.
SOON_S = 60

QUESTIONS = (
    ("status",), ("alarms",), ("tor", "list"), ("show", "tors"),
    ("tor", "diff"), ("show", "networks"), ("show", "macs"),
    ("show", "rows"), ("show", "listeners"), ("tor", "show", "sw1"),
    ("tor", "history", "sw0"), ("tor", "resync", "sw2"),
    ("tor", "freeze", "sw5"), ("tor", "unfreeze", "sw5"),
    ("tor", "reconnect", "sw3"), ("tor", "reconnect", "sw12"),
    ("tor", "purge-stale", "sw4"), ("tor", "profile"),
)


@pytest.fixture(scope="module")
def lab(new_lab):
    """Every second switch connects to the agent."""
    lab = new_lab
    lab.switches.clear()
    lab.servers.clear()
    lab.tor_agent = {"workers": N_WORKERS,
                     "listen": [{"address": f"0.0.0.0:{OVSDB_PORT}",
                                 "tls": False}]}
    lab.make_underlay()
    for i in range(N_SWITCHES):
        switch = lab.add_fake_switch(f"sw{i}", f"10.0.0.{30 + i}", ["p1"])
        lab.servers.append(Server(lab, f"server{i}",
                                  f"02:aa:00:00:00:{i:02x}",
                                  f"192.0.2.{30 + i}", switch, "p1"))
        if i % 2:
            switch.remote = None
            switch.vtep_ctl("set-manager",
                            f"tcp:{lab.tsn_address}:{OVSDB_PORT}")
        else:
            switch.remote = f"tcp:{switch.address}:{OVSDB_PORT}"
    lab.make_compute()
    lab.start_services(("tsn-controller", "tsn-tor-agent"))
    wait_served(lab)
    return lab


def wait_served(lab):
    def served():
        tors = lab.tsnctl("tor", "list", as_json=True)["tors"]
        return (len(tors) == N_SWITCHES
                and all(tor["switch"] and tor["control_node"]
                        and tor["networks"] for tor in tors))

    wait_until(served, SOON_S, "all switches to be served",
               log=lab.service("tsn-tor-agent").log)


class Pest(threading.Thread):
    """Does 'work' with 0, 1, 2... until it is to stop; what fails there fails
    the test."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self._work = work
        self._ending = threading.Event()
        self._error = None
        self.rounds = 0

    def run(self):
        try:
            while not self._ending.is_set():
                self._work(self.rounds)
                self.rounds += 1
        except Exception as error:  # pylint: disable=broad-except
            self._error = error

    def finish(self):
        self._ending.set()
        self.join(SOON_S)
        assert not self.is_alive()
        if self._error:
            raise self._error
        assert self.rounds > 0


def ask(lab, i):
    """A ToR that a reload has just removed is no error here."""
    lab.tsnctl(*QUESTIONS[i % len(QUESTIONS)], ok=(0, 1))


def cut(lab, i):
    """Whoever has connected."""
    switch = lab.switches[i * 5 % N_SWITCHES]
    switch.cut_connections()
    switch.ns.run("ss", "-K", "state", "established", "dport", "=",
                  f":{OVSDB_PORT}")


def learn(lab, i):
    switch = lab.switches[i * 3 % N_SWITCHES]
    mac = f"02:dd:00:00:01:{i % 256:02x}"
    try:
        network = switch.rows("Logical_Switch")[0]["name"]
        switch.learn(network, mac)
        switch.forget(network, mac)
    except (LabError, IndexError):
        pass                    # It has no network at the moment.


def edit(config, i):
    """The i-th configuration: of each kind that a reload tells apart."""
    section = config["tor-agent"]
    tors = section["tors"]
    if i % 4 == 0:
        del tors[i % N_SWITCHES]
    elif i % 4 == 1:
        for tor in tors[::2]:
            tor["probe-interval"] = 3000 + i
    elif i % 4 == 2:
        tors[i % N_SWITCHES]["ownership"] = "shared"
    else:
        section["listen"].append({"address": "0.0.0.0:6645", "tls": False})


def reload(lab):
    agent = lab.service("tsn-tor-agent")
    before = agent.log_text().count("configuration loaded file=")
    agent.signal(signal.SIGHUP)
    wait_until(lambda: agent.log_text().count("configuration loaded file=")
               > before, SOON_S, "the agent to reload", log=agent.log)


def test_everything_at_once__all_threads__all_is_served_in_the_end(lab):
    pests = [Pest(lambda i, work=work: work(lab, i))
             for work in (ask, ask, cut, learn)]
    file = lab.state.dir / "tsn.yaml"
    original = file.read_text()
    for pest in pests:
        pest.start()
    try:
        for i in range(N_RELOADS):
            config = yaml.safe_load(original)
            edit(config, i)
            file.write_text(yaml.safe_dump(config, sort_keys=False))
            reload(lab)
    finally:
        for pest in pests:
            pest.finish()
    file.write_text(original)
    reload(lab)
    lab.tsnctl("tor", "unfreeze", "sw5")
    wait_served(lab)
    status = lab.tsnctl("status", as_json=True)["tsn-tor-agent"]
    assert status["workers"] == N_WORKERS

    first, *others = lab.switches
    first.learn(first.rows("Logical_Switch")[0]["name"], "02:dd:00:00:00:01")
    for switch in others:
        wait_until(lambda s=switch: "02:dd:00:00:00:01" in {
            mac.lower() for _, mac in s.remote_macs()}, SOON_S,
            f"the MAC in the database of {switch.name}")
