# SPDX-License-Identifier: Apache-2.0
"""Sixteen switches at one thread of the agent.  One flaps every second, one
floods it with garbage: the others keep their sessions, and what one of them
learns the rest is told as fast as ever."""

import json
import random
import threading
import time

import pytest

from lab import FakeSwitch, wait_until
from lab.cloud import Cloud, content, make_lab
from lab.proxy import BadSwitch

N_SWITCHES = 16
TOLD_S = 2              # In which all others are told of a MAC.
SOON_S = 5
WATCH_S = 15
FLAP_S = 1
RECONNECT_S = 30
# One kind of garbage a session, so many times if it is not hung up.
N_TIMES = 50
N_KINDS = 8


def garbage():
    """Endless: bytes, JSON, and messages that have nothing wrong but that
    nobody asked for."""
    rng = random.Random(6640)
    update = {"method": "update3", "id": None,
              "params": [["monid", "nobody"], "x" * 36, {
                  "Ucast_Macs_Local": {}}]}
    kinds = [
        rng.randbytes(1 << 16),
        b"[" * (1 << 16),
        b'{"method":"echo","params":[],"id":"x"}' * 1000,
        json.dumps(update).encode() * 1000,
        b'{"result":[],"error":null,"id":99}' * 1000,
        b'{"method":"update2","params":[],"id":null}' * 1000,
        b'"' + b"x" * (1 << 20),
        b'{"method":"steal","params":[],"id":1}' * 1000,
    ]
    while True:
        yield from kinds


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab
    switches = [FakeSwitch(lab, f"sw{i}", f"10.0.0.{30 + i}", ["p1"])
                for i in range(N_SWITCHES)]
    for switch in switches:
        switch.settings = {"max-backoff": 1000, "probe-interval": 2000}
    lab.tor_agent = {"workers": 1}
    make_lab(lab, switches)
    cloud = Cloud(lab)
    cloud.more = {"graceful-restart": {"enable": False}}
    cloud.networks = {"blue": 100}
    cloud.ports = {(switch.name, "p1", 10): "blue" for switch in switches}
    lab.flapping, lab.flooding = (BadSwitch(s) for s in switches[-2:])
    lab.good = switches[:-2]
    try:
        lab.start_services(("tsn-controller", "tsn-tor-agent"))
        for switch in switches:
            cloud.wait_served(switch, 30)
        yield lab
    finally:
        lab.flapping.close()
        lab.flooding.close()


class Trouble:
    """Both of them, until the end of the "with"."""

    def __init__(self, lab):
        self.lab = lab
        self.n_flaps = 0
        self.n_floods = 0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=target, daemon=True)
                         for target in (self._flap, self._flood)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        # What was being said ends with the session.
        self.lab.flooding.cut()

    def _flap(self):
        while not self._over.wait(FLAP_S):
            self.n_flaps += self.lab.flapping.cut()

    def _flood(self):
        for data in garbage():
            while not self.lab.flooding.is_connected():
                if self._over.wait(0.02):
                    return
            n = 0
            while (n < N_TIMES and not self._over.is_set()
                   and self.lab.flooding.say(data)):
                n += 1
            self.n_floods += n > 0


def sessions(lab):
    """Of each good switch what changes with a new session: with it, or of any
    ToR with the control node."""
    found = {tor["tor"]: tor for tor in lab.tsnctl(
        "show", "tors", as_json=True)["tors"]}
    log = lab.service("tsn-controller").log_text()
    return ({switch.name: (found[switch.name]["ovsdb"]["since"],
                           found[switch.name]["ovsdb"]["bad_messages"],
                           connections(switch))
             for switch in lab.good}, log.count("session is up"))


def connections(switch):
    text = switch.ns.run("ss", "-tnH", "state", "established", "sport", "=",
                         ":6640")
    return sorted(line.split()[3] for line in text.splitlines())


def check_told(lab, speaker, mac):
    """All good ones are told of a MAC, and that it is gone.  Returns how long
    both took, with the looking."""
    cloud = lab.cloud
    others = [switch for switch in lab.good if switch is not speaker]
    begin = time.monotonic()
    for change in (cloud.learn, cloud.forget):
        change(speaker, "blue", mac)
        end = time.monotonic() + TOLD_S
        for switch in others:
            wait_until(lambda: content(switch)["macs"]
                       == cloud.wanted(switch)["macs"],
                       max(0, end - time.monotonic()),
                       f"{switch.name} to be told of a MAC",
                       log=lab.service("tsn-tor-agent").log)
    return time.monotonic() - begin


def test_switches__two_of_sixteen_misbehave__others_do_not_notice(lab):
    before = sessions(lab)
    quiet = [check_told(lab, speaker, "02:aa:00:00:00:01")
             for speaker in lab.good[:3]]
    troubled = []
    with Trouble(lab) as trouble:
        begin = time.monotonic()
        while (time.monotonic() < begin + WATCH_S
               or trouble.n_floods < N_KINDS):
            assert time.monotonic() < begin + 3 * WATCH_S
            speaker = lab.good[len(troubled) % len(lab.good)]
            troubled.append(check_told(lab, speaker, "02:aa:00:00:00:02"))
    print(f"seconds, quiet {max(quiet):.2f} troubled {max(troubled):.2f}, "
          f"flaps {trouble.n_flaps}, floods {trouble.n_floods}")
    assert sessions(lab) == before
    # It has not been left alone for its flapping.
    assert trouble.n_flaps >= WATCH_S / FLAP_S / 3
    for switch in lab.switches:
        lab.cloud.wait_served(switch, RECONNECT_S)
    check_told(lab, lab.switches[-1], "02:aa:00:00:00:03")


def test_operator__asks_for_the_bad_ones__is_told(lab):
    """Why their last sessions ended, and when."""
    for name in ("sw14", "sw15"):
        history, = lab.tsnctl("tor", "history", name, as_json=True)["tors"]
        assert history["closes"]
        assert all(close["reason"] for close in history["closes"])
    good, = lab.tsnctl("tor", "history", "sw0", as_json=True)["tors"]
    assert not good["closes"]
