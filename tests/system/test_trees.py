# SPDX-License-Identifier: Apache-2.0
"""Two service nodes and two compute nodes in the multicast tree that
tsn-controller builds, with switches and a gateway beside: who floods to whom,
as "tsnctl flood show" has it."""

import json

import pytest

from lab import run, wait_until
from lab.agent import Agent
from lab.lab import SANITIZER_ENV
from lab.netns import Namespace

TIMEOUT = 30
BLUE = "default-domain:default-project:blue:blue"
VNI = 100
ID = 7
TSNS = {"tsn1": "10.0.0.100", "tsn2": "10.0.0.101"}
LABELS = {"tsn1": (5000, 5999), "tsn2": (6000, 6999),
          "compute1": (20000, 20099), "compute2": (21000, 21099)}
STORM_CONTROL = {"tsn1": {"storm-control": {"tor": 100000}}, "tsn2": {}}
COMPUTES = {"compute1": "10.0.0.21", "compute2": "10.0.0.22"}
SWITCH = "10.0.0.1"
GATEWAY = "10.0.0.3"


class Site:
    """tsn-controller, two replicators on hosts of their own, and agents."""

    def __init__(self, lab):
        self.lab = lab
        lab.make_underlay()
        self.hosts = {"tsn1": lab.tsn_ns}
        self.hosts["tsn2"] = Namespace(lab.state, "tsn2").create()
        lab.plug(self.hosts["tsn2"], TSNS["tsn2"])
        self.cloud = Namespace(lab.state, "cloud").create()
        lab.plug(self.cloud, COMPUTES["compute1"])
        for address in (COMPUTES["compute2"], SWITCH, GATEWAY):
            self.cloud.ip("address", "add", f"{address}/24", "dev", "und0")
        self.agents = {}
        self.start("tsn-controller", lab.controller_ns, "tsn-controller", {
            "name": "ctrl1", "listen": "0.0.0.0:5269",
            "networks": [{"name": "blue", "vni": VNI, "id": ID}],
            "switches": [{"name": "tor1", "vtep": SWITCH,
                          "agent": "tor1-agent",
                          "ports": [{"name": "p1", "network": "blue"}]}],
            "tsns": [{"name": name, "address": address}
                     for name, address in TSNS.items()]})
        for name, address in TSNS.items():
            first, last = LABELS[name]
            self.start(name, self.hosts[name], "tsn-replicator", {
                "controllers": [lab.controller_address],
                "replicator": {"name": name, "address": address,
                               "labels": f"{first}-{last}",
                               **STORM_CONTROL[name]}})

    def start(self, name, namespace, program, config):
        directory = self.lab.state.dir / name
        directory.mkdir()
        self.lab.start_own(namespace, program, config, name=name,
                           run_dir=directory)

    def agent(self, name, address):
        agent = wait_until(
            lambda: Agent(self.cloud, name, address,
                          self.lab.controller_address),
            TIMEOUT, f"a session of {name}")
        self.agents[name] = agent
        agent.subscribe(BLUE, ID)
        return agent

    def tsnctl(self, name, *words):
        return run(self.lab.program("tsnctl"), "--run-dir",
                   self.lab.state.dir / name, *words, env=SANITIZER_ENV)

    def ask(self, name, *words):
        return json.loads(self.tsnctl(name, *words, "--json"))

    def flood(self, tsn):
        """The flood set of blue; nothing while it is not served."""
        sets = self.ask(tsn, "flood", "show")
        return sets[0] if sets else {"members": [], "in_labels": []}

    def members(self, tsn, kind):
        return {m["vtep"]: (m["encapsulation"], m["label"])
                for m in self.flood(tsn)["members"] if m["class"] == kind}

    def places(self):
        """Of all that are in the tree: label and neighbours by name, or None
        if somebody has no place."""
        places = {}
        for tsn in TSNS:
            current = [in_label["label"]
                       for in_label in self.flood(tsn)["in_labels"]
                       if in_label["current"] and in_label["from"] == "tree"]
            if not current:
                return None
            places[tsn] = (current[0],
                           {vtep: label for vtep, (_, label)
                            in self.members(tsn, "tree").items()})
        for name in COMPUTES:
            if name in self.agents:
                place = self.agents[name].place(BLUE)
                if place is None:
                    return None
                places[name] = place
        return places

    def close(self):
        for agent in self.agents.values():
            agent.close()


@pytest.fixture(scope="module")
def site(new_lab):
    site = Site(new_lab)
    yield site
    site.close()


def name_of(address):
    names = {address: name for name, address in (TSNS | COMPUTES).items()}
    return names[address]


def is_tree(places, names):
    """Whether all know each other's present labels, each gives one of its own,
    and there is one way from each to each other."""
    if places is None or set(places) != set(names):
        return False
    links = set()
    for name, (label, neighbours) in places.items():
        first, last = LABELS[name]
        if not first <= label <= last:
            return False
        for address, neighbour_label in neighbours.items():
            other = name_of(address)
            if other not in places or places[other][0] != neighbour_label:
                return False
            links.add((name, other))
    if any((b, a) not in links for a, b in links) \
            or len(links) != 2 * (len(names) - 1):
        return False
    reached, todo = set(), [names[0]]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += [b for a, b in links if a == name]
    return reached == set(names)


def wait_tree(site, *names):
    wait_until(lambda: is_tree(site.places(), names), TIMEOUT,
               f"one tree of {names}")
    return site.places()


def test_tree__members_come__one_tree_with_labels_of_each(site):
    wait_tree(site, *TSNS)
    for name, address in COMPUTES.items():
        site.agent(name, address).join_tree(BLUE, *LABELS[name])
    places = wait_tree(site, *TSNS, *COMPUTES)
    shown = site.ask("tsn-controller", "show", "trees")["tsn-controller"]
    assert {member["member"]: member["label"]
            for member in shown["members"]} == {
                name: label for name, (label, _) in places.items()}


def test_flood__switch_and_gateway__by_class(site):
    switch = site.agent("tor1-agent", SWITCH)
    switch.announce(BLUE, SWITCH, VNI, VNI, "vxlan", replicator=TSNS["tsn1"])
    gateway = site.agent("gateway", GATEWAY)
    gateway.announce(BLUE, GATEWAY, 0, 4711, "gre", edge_replication=False)
    wait_until(lambda: site.members("tsn1", "tor") == {SWITCH: ("vxlan", VNI)},
               TIMEOUT, "the switch among those of tsn1")
    for tsn in TSNS:
        wait_until(lambda: site.members(tsn, "evpn")
                   == {GATEWAY: ("mpls-gre", 4711)}, TIMEOUT,
                   f"the gateway among those of {tsn}")
    assert site.members("tsn2", "tor") == {}

    # Row 105: one copy for the switch, whoever sends it.
    switch.announce(BLUE, SWITCH, VNI, VNI, "vxlan", replicator=TSNS["tsn2"])
    wait_until(lambda: site.members("tsn2", "tor") == {SWITCH: ("vxlan", VNI)},
               TIMEOUT, "the switch among those of tsn2")
    wait_until(lambda: site.members("tsn1", "tor") == {}, TIMEOUT,
               "the switch to leave tsn1")


def test_flood_show__text_and_status__for_people(site):
    text = site.tsnctl("tsn1", "flood", "show", "blue")
    for word in (GATEWAY, "mpls-gre", "4711", "evpn", "in place"):
        assert word in text
    assert text == site.tsnctl("tsn1", "show", "flood", str(VNI))
    network, = site.ask("tsn1", "show", "networks")["tsn-replicator"]
    assert network["tree"] == "in place"
    assert network["neighbours"] >= 1
    status = site.ask("tsn1", "status")["tsn-replicator"]
    assert status["labels"] == {
        "range": "5000-5999", "trees": 1, "trees_in_place": 1,
        "for_trees": 437, "evpn": 0, "for_evpn": 126}
    assert status["alarms"] == 0


def test_show_storms__no_limits__said_so(site):
    assert site.ask("tsn1", "show", "storms") == {
        "network_limit": None, "tor_limit": 100000, "storms": []}
    assert site.ask("tsn2", "show", "storms") == {
        "network_limit": None, "tor_limit": None, "storms": []}


def test_flood_show__way_of_each__or_why_not(site):
    """With eBPF, which the engine is here if the host takes it."""
    status = site.ask("tsn1", "status")["tsn-replicator"]
    if status["forwarder"]["engine"] == "socket":
        pytest.skip("sockets leave the way to the host")
    silent = site.agent("silent", COMPUTES["compute2"])
    silent.announce(BLUE, "10.0.0.77", 0, 4712, "gre", edge_replication=False)

    def ways():
        return {m["vtep"]: m["way"] for m in site.flood("tsn1")["members"]}

    wait_until(lambda: ways().get("10.0.0.77") == "unresolved", TIMEOUT,
               "the silent one among the members")
    wait_until(lambda: ways()[GATEWAY] == "und0", TIMEOUT, "the other's way")
    silent.withdraw(BLUE, "10.0.0.77")
    wait_until(lambda: "10.0.0.77" not in ways(), TIMEOUT,
               "the silent one to go")
    site.agents.pop("silent").close()


def test_tree__member_leaves__label_before_is_accepted(site):
    before = wait_tree(site, *TSNS, *COMPUTES)
    site.agents["compute1"].leave_tree(BLUE)
    site.agents.pop("compute1").close()
    after = wait_tree(site, *TSNS, "compute2")
    for tsn in TSNS:
        labels = {in_label["label"]: in_label["current"]
                  for in_label in site.flood(tsn)["in_labels"]}
        assert labels[after[tsn][0]]
        assert labels[before[tsn][0]] is (before[tsn][0] == after[tsn][0])


def test_controller__away__all_goes_on(site):
    before = {tsn: site.flood(tsn)["members"] for tsn in TSNS}
    controller = site.lab.services["tsn-controller"]
    controller.kill()
    for tsn in TSNS:
        wait_until(lambda: site.flood(tsn)["tree"] == "last known place",
                   TIMEOUT, f"{tsn} to have lost its builder")
        assert site.flood(tsn)["members"] == before[tsn]
    for name in list(site.agents):
        site.agents.pop(name).close()
    controller.start()
    site.agent("compute2", COMPUTES["compute2"]).join_tree(
        BLUE, *LABELS["compute2"])
    wait_tree(site, *TSNS, "compute2")
    for tsn in TSNS:
        assert site.flood(tsn)["tree"] == "in place"
