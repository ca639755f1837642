# SPDX-License-Identifier: Apache-2.0
"""Three service nodes with one engine or the other, four switches and two
compute nodes, while switches move between service nodes and compute nodes come
and go: each broadcast of each of them comes to each other one once, and
ends."""

import itertools
import json
import random
import selectors
import socket
import struct
import time

import pytest

from lab import run, wait_until
from lab.agent import Agent
from lab.lab import SANITIZER_ENV
from lab.netns import Namespace

TIMEOUT = 30
ROUNDS = 12
QUIET_S = 0.3                   # For copies that must not come.
BLUE = "default-domain:default-project:blue:blue"
VNI = 100
ID = 7
TSNS = {"tsn1": "10.0.0.100", "tsn2": "10.0.0.101", "tsn3": "10.0.0.102"}
TORS = {f"tor{i}": f"10.0.0.{i}" for i in range(1, 5)}
COMPUTES = {"compute1": "10.0.0.21", "compute2": "10.0.0.22"}
LABELS = {name: (5000 + 1000 * i, 5999 + 1000 * i)
          for i, name in enumerate([*TSNS, *COMPUTES])}
ENGINES = {"tsn1": "auto", "tsn2": "socket", "tsn3": "auto"}
NAMES = {address: name
         for name, address in (TSNS | TORS | COMPUTES).items()}
VXLAN, MPLS = 4789, 6635
VXLAN_HEADER = struct.pack(">II", 0x08000000, VNI << 8)
CONTROL_WORD = bytes(4)
# IPv4, UDP and VXLAN, which nobody looks at.
SECOND = bytes(28) + VXLAN_HEADER


class Endpoints:
    """Switches and compute nodes in one namespace: what they send and get.
    Compute nodes pass on what comes through the tree, as those of a cloud
    do."""

    def __init__(self, namespace, place):
        self._place = place     # Of a compute node: neighbours and labels.
        self._selector = selectors.DefaultSelector()
        self._sockets = {}
        self.got = []           # (who, number)
        for name, address in (TORS | COMPUTES).items():
            s = namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((address, VXLAN if name in TORS else MPLS))
            self._sockets[name] = s
            self._selector.register(s, selectors.EVENT_READ, name)
        self._gre = namespace.socket(socket.AF_INET, socket.SOCK_RAW,
                                     socket.IPPROTO_GRE)
        self._selector.register(self._gre, selectors.EVENT_READ, None)

    def close(self):
        self._gre.close()
        for s in self._sockets.values():
            s.close()

    def _count(self, name, inner):
        assert inner[:6] == b"\xff" * 6 and inner[12:14] == b"\x88\xb5"
        self.got.append((name, struct.unpack_from(">I", inner, 14)[0]))

    def _to_neighbours(self, name, ttl, behind_label, but=None):
        for address, label in self._place(name)[1].items():
            if address != but:
                self._sockets[name].sendto(
                    struct.pack(">I", label << 12 | 0x100 | ttl)
                    + behind_label, (address, MPLS))

    def _from_tree(self, name, source, packet):
        entry, = struct.unpack_from(">I", packet)
        first, last = LABELS[name]
        assert first <= entry >> 12 <= last and entry & 0x100
        assert packet[4:8] == CONTROL_WORD
        self._count(name, packet[8 + len(SECOND):])
        assert entry & 0xff > 1, "a loop"
        self._to_neighbours(name, (entry & 0xff) - 1, packet[4:], source)

    def _receive(self, s, name):
        packet, (source, _) = s.recvfrom(65536)
        if name in TORS:
            assert packet[:8] == VXLAN_HEADER
            self._count(name, packet[8:])
        elif name:
            self._from_tree(name, source, packet)
        else:
            name = NAMES[socket.inet_ntoa(packet[16:20])]
            assert packet[20:24] == bytes.fromhex("00008847")
            self._from_tree(name, source, packet[24:])

    def pump(self, seconds):
        """Returns whether anything came."""
        events = self._selector.select(seconds)
        for key, _ in events:
            self._receive(key.fileobj, key.data)
        return bool(events)

    def send(self, name, number, tsn=None):
        inner = (b"\xff" * 6 + bytes([2, 0, 0, 0, 0, number % 250 + 1])
                 + b"\x88\xb5" + struct.pack(">I", number) + bytes(60))
        if name in TORS:
            self._sockets[name].sendto(VXLAN_HEADER + inner,
                                       (TSNS[tsn], VXLAN))
        else:
            self._to_neighbours(name, 64, CONTROL_WORD + SECOND + inner)


class Site:
    def __init__(self, lab):
        self.lab = lab
        lab.make_underlay()
        hosts = {"tsn1": lab.tsn_ns}
        for name in ("tsn2", "tsn3"):
            hosts[name] = Namespace(lab.state, name).create()
            lab.plug(hosts[name], TSNS[name])
        self.cloud = Namespace(lab.state, "cloud").create()
        first, *others = (TORS | COMPUTES).values()
        lab.plug(self.cloud, first)
        for address in others:
            self.cloud.ip("address", "add", f"{address}/24", "dev", "und0")
        self._start("tsn-controller", lab.controller_ns, "tsn-controller", {
            "name": "ctrl1", "listen": "0.0.0.0:5269",
            "networks": [{"name": "blue", "vni": VNI, "id": ID}],
            "switches": [{"name": name, "vtep": address,
                          "ports": [{"name": "p1", "network": "blue"}]}
                         for name, address in TORS.items()],
            "tsns": [{"name": name, "address": address}
                     for name, address in TSNS.items()]})
        for name, address in TSNS.items():
            self._start(name, hosts[name], "tsn-replicator", {
                "controllers": [lab.controller_address],
                "replicator": {"name": name, "address": address,
                               "engine": ENGINES[name],
                               "labels": "{}-{}".format(*LABELS[name])}})
        self.homes = {}         # Of switches: which service node.
        self.joined = []        # Compute nodes.
        self._agents = {}
        for name, address in (TORS | COMPUTES).items():
            self._agents[name] = wait_until(
                lambda: Agent(self.cloud, name, address,
                              lab.controller_address),
                TIMEOUT, f"a session of {name}")
            self._agents[name].subscribe(BLUE, ID)
        self.endpoints = Endpoints(
            self.cloud, lambda name: self._agents[name].place(BLUE))

    def _start(self, name, namespace, program, config):
        directory = self.lab.state.dir / name
        directory.mkdir()
        self.lab.start_own(namespace, program, config, name=name,
                           run_dir=directory)

    def close(self):
        self.endpoints.close()
        for agent in self._agents.values():
            agent.close()

    def _ask(self, name, *words):
        return json.loads(run(self.lab.program("tsnctl"), "--run-dir",
                              self.lab.state.dir / name, *words, "--json",
                              env=SANITIZER_ENV))

    def move(self, name, tsn):
        """A switch to another service node, or to none."""
        if tsn:
            self._agents[name].announce(BLUE, TORS[name], VNI, VNI, "vxlan",
                                        replicator=TSNS[tsn])
            self.homes[name] = tsn
        else:
            self._agents[name].withdraw(BLUE, TORS[name])
            del self.homes[name]

    def join(self, name):
        self._agents[name].join_tree(BLUE, *LABELS[name])
        self.joined.append(name)

    def leave(self, name):
        self._agents[name].leave_tree(BLUE)
        self.joined.remove(name)

    def _places(self):
        """Label and neighbours of all in the tree, or None if somebody's are
        not as they must be; with the right switches at each service node."""
        places = {}
        for tsn in TSNS:
            sets = self._ask(tsn, "flood", "show")
            if not sets or any(m.get("way") not in (None, "und0")
                               for m in sets[0]["members"]):
                return None
            members = {kind: {m["vtep"]: m["label"]
                              for m in sets[0]["members"]
                              if m["class"] == kind}
                       for kind in ("tor", "tree")}
            labels = [in_label["label"] for in_label in sets[0]["in_labels"]
                      if in_label["current"]]
            if not labels or set(members["tor"]) != {
                    TORS[tor] for tor, home in self.homes.items()
                    if home == tsn}:
                return None
            places[tsn] = labels[0], members["tree"]
        for name in self.joined:
            places[name] = self._agents[name].place(BLUE)
        return None if None in places.values() else places

    def is_settled(self):
        places = self._places()
        return places is not None and all(
            NAMES[address] in places and places[NAMES[address]][0] == label
            for _, neighbours in places.values()
            for address, label in neighbours.items()) and sum(
                len(neighbours) for _, neighbours in places.values()
            ) == 2 * (len(places) - 1)


@pytest.fixture(scope="module")
def site(new_lab):
    site = Site(new_lab)
    yield site
    site.close()


def change(site, dice):
    """Something else each time."""
    if dice.random() < 0.3:
        name = dice.choice(list(COMPUTES))
        (site.leave if name in site.joined else site.join)(name)
    else:
        name = dice.choice(list(TORS))
        site.move(name, dice.choice([tsn for tsn in [*TSNS, None]
                                     if tsn != site.homes.get(name)]))


def check_each_once(site, numbers):
    """Each of them in turn sends a broadcast."""
    everybody = [*site.homes, *site.joined]
    expected = []
    site.endpoints.got.clear()
    for name in everybody:
        number = next(numbers)
        site.endpoints.send(name, number, site.homes.get(name))
        expected += [(other, number) for other in everybody if other != name]
    end = time.monotonic() + TIMEOUT
    while (len(site.endpoints.got) < len(expected)
           and time.monotonic() < end):
        site.endpoints.pump(0.1)
    while site.endpoints.pump(QUIET_S):
        assert time.monotonic() < end, "frames that do not end"
    assert sorted(site.endpoints.got) == sorted(expected)


def test_broadcast__members_come_move_and_go__each_once(site):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    numbers = itertools.count(1)
    for name, tsn in zip(TORS, itertools.cycle(TSNS)):
        site.move(name, tsn)
    for name in COMPUTES:
        site.join(name)
    for _ in range(ROUNDS):
        wait_until(site.is_settled, TIMEOUT, "all to know of each other")
        check_each_once(site, numbers)
        change(site, dice)
