# SPDX-License-Identifier: Apache-2.0
"""A node with several interfaces to its underlay floods at full rate, while
they and the routers behind them come and go.

    node -- u1 p1 -- router r1 -- s1 d1 -- cloud
         -- u2 p2 -- router r2 -- s2 d2 --

The cloud is where frames come from and where each copy is accounted for.  A
frame comes by the router that the test says, a copy by the one that the node
chose."""

import contextlib
import json

import pytest

from lab import Lab, wait_until
from lab.agent import Agent
from lab.floods import FloodLoad
from lab.netns import Namespace, connect

TIMEOUT = 30
BLUE = "default-domain:default-project:blue:blue"
VNI = 100
ID = 7
AGENT = "10.0.0.21"
NODE = "10.9.0.1"
# Of the cloud and the routers, on each link between them the same, so that
# frames may leave by any.
CLOUD_MAC, ROUTER_MAC = "02:00:00:00:06:02", "02:00:00:00:06:01"
NODE_MAC = "02:00:00:00:05:01"
FAR = "10.7.0.0/16"
SENDER = "10.7.0.1"
# With the sender as many as a control node takes of one agent.
N_MEMBERS = 15
MEMBERS = [f"10.7.0.{i}" for i in range(2, 2 + N_MEMBERS)]
# Of the links.  Hashes differ from run to run: half of the members go by the
# third one, so that none or all of them hardly ever do.
WEIGHTS = {1: 1, 2: 1, 3: 2}
PATIENCE_MS = 100
# Frames that are enough to see who gets them.
SOME = 200
# In which a change must be over, for those that it is about.  It takes some
# 50; the rest is for machines that do other things, too.
QUICK_MS = 3000


class Site:
    """A replicator, its routers, and the cloud behind them."""

    def __init__(self, lab, engine):
        self.lab = lab
        self.engine = engine
        self.load = None
        lab.make_underlay()
        self.cloud = Namespace(lab.state, "cloud").create()
        lab.plug(self.cloud, AGENT)
        self.node = lab.tsn_ns
        self.node.ip("address", "add", f"{NODE}/32", "dev", "lo")
        # The kernel is to choose as the eBPF engine does: no way without a
        # carrier, none by a neighbour that does not answer.
        self.sysctl(self.node, "net.ipv4.conf.all.ignore_routes_with_linkdown",
                    1)
        self.sysctl(self.node, "net.ipv4.fib_multipath_use_neigh", 1)
        self.routers = {}
        for i in (1, 2, 3):
            self.add_router(i)
        for i in (1, 2):
            self.add_link(i)
        self.route(1, 2)
        lab.start_own(lab.controller_ns, "tsn-controller", {
            "name": "ctrl1", "listen": "0.0.0.0:5269",
            "networks": [{"name": "blue", "vni": VNI, "id": ID}],
            "switches": [{"name": "tor1", "vtep": SENDER,
                          "agent": "tor1-agent",
                          "ports": [{"name": "p1", "network": "blue"}]}],
            "tsns": [{"name": "tsn1", "address": NODE}]})
        lab.start_own(lab.tsn_ns, "tsn-replicator", {
            "controllers": [lab.controller_address],
            "replicator": {"name": "tsn1", "address": NODE,
                           "labels": "5000-5999", "engine": engine}})
        self.agent = wait_until(
            lambda: Agent(self.cloud, "tor1-agent", AGENT,
                          lab.controller_address), TIMEOUT, "a session")
        self.agent.subscribe(BLUE, ID)
        for switch in (SENDER, *MEMBERS):
            self.agent.announce(BLUE, switch, VNI, VNI, "vxlan",
                                replicator=NODE)
        self.load = Load(self)
        wait_until(self.floods_to_all, TIMEOUT, "the flood set")

    def sysctl(self, ns, name, value):
        ns.run("sysctl", "-q", "-w", f"{name}={value}")

    def add_router(self, i):
        """A router, and its link to the cloud."""
        router = Namespace(self.lab.state, f"r{i}").create()
        self.routers[i] = router
        connect(router, f"s{i}", self.cloud, f"d{i}")
        for ns, name, mac, host in ((router, f"s{i}", ROUTER_MAC, 1),
                                    (self.cloud, f"d{i}", CLOUD_MAC, 2)):
            ns.ip("link", "set", name, "address", mac)
            ns.ip("address", "add", f"10.6.{i}.{host}/24", "dev", name)
            ns.run("ethtool", "-K", name, "gro", "on")
        self.sysctl(router, "net.ipv4.ip_forward", 1)
        router.ip("route", "add", FAR, "via", f"10.6.{i}.2")
        router.ip("neighbor", "replace", f"10.6.{i}.2", "dev", f"s{i}",
                  "lladdr", CLOUD_MAC, "nud", "permanent")

    def add_link(self, i):
        """The link between the node and a router."""
        router = self.routers[i]
        connect(self.node, f"u{i}", router, f"p{i}")
        self.node.ip("link", "set", f"u{i}", "address", NODE_MAC)
        for ns, name, host in ((self.node, f"u{i}", 1), (router, f"p{i}", 2)):
            ns.ip("address", "add", f"10.5.{i}.{host}/24", "dev", name)
            # Both ends must take frames of XDP programs of the other.
            ns.run("ethtool", "-K", name, "gro", "on")
        router.ip("route", "add", NODE, "via", f"10.5.{i}.1")
        router.ip("neighbor", "replace", f"10.5.{i}.1", "dev", f"p{i}",
                  "lladdr", NODE_MAC, "nud", "permanent")
        # Who has another MAC says so.
        self.sysctl(router, f"net.ipv4.conf.p{i}.arp_notify", 1)
        # A neighbour that was known is asked once, and has a tenth of a second
        # to answer; others are asked for a second: the kernel would not try
        # again, and machines do other things, too.
        for name, value in (("ucast_solicit", 1), ("mcast_solicit", 10),
                            ("retrans_time_ms", 100)):
            self.sysctl(self.node, f"net.ipv4.neigh.u{i}.{name}", value)

    def route(self, *links):
        """The node's routes to the cloud go by these links."""
        hops = [word for i in links
                for word in ("nexthop", "via", f"10.5.{i}.2", "weight",
                             WEIGHTS[i])]
        self.node.ip("route", "replace", FAR, *hops)

    @contextlib.contextmanager
    def nexthop_objects(self, *links):
        """The node's routes to the cloud go by a group of nexthop objects, 10,
        of these links."""
        for i in links:
            self.node.ip("nexthop", "add", "id", i, "via", f"10.5.{i}.2",
                         "dev", f"u{i}")
        try:
            self.node.ip("nexthop", "add", "id", 10, "group",
                         "/".join(f"{i},{WEIGHTS[i]}" for i in links))
            self.node.ip("route", "replace", FAR, "nhid", 10)
            yield
        finally:
            self.route(1, 2)
            self.node.ip("nexthop", "flush")

    def drop_link(self, i):
        if f"u{i}" in self.node.ip("-br", "link"):
            self.node.ip("link", "del", f"u{i}")

    def repair(self):
        """What a test that failed in the middle may have left."""
        for i in (1, 2):
            self.node.set_link(f"u{i}", True)
            self.routers[i].set_link(f"p{i}", True)
            self.repair_router(i)
        self.route(1, 2)

    def repair_router(self, i):
        """What a router's link loses when it goes down."""
        self.routers[i].ip("route", "replace", NODE, "via", f"10.5.{i}.1")

    def ask(self, *words):
        return self.lab.tsnctl(*words, as_json=True)

    def member(self, vtep):
        members = self.ask("flood", "show")[0]["members"]
        return next(m for m in members if m["vtep"] == vtep)

    def alarms(self):
        return self.ask("alarms")["tsn-replicator"]["alarms"]

    def status(self):
        return self.ask("status")["tsn-replicator"]["forwarder"]

    def floods_to_all(self):
        sets = self.ask("flood", "show")
        status = self.status()
        return (sets and len(sets[0]["members"]) == 1 + N_MEMBERS
                and not status.get("unresolved") and status)

    def close(self):
        if self.load:
            self.load.close()
            self.agent.close()


class Load(FloodLoad):
    """By the three routers."""

    def __init__(self, site):
        super().__init__(site.lab, site.cloud, "d1,d2,d3", CLOUD_MAC, NODE,
                         ROUTER_MAC, SENDER, MEMBERS[0], N_MEMBERS, VNI,
                         PATIENCE_MS)

    def stop(self):
        return self.ask("stop")

    def via(self, link):
        """Frames come by the router of that link."""
        return self.ask(f"via {link - 1}")


class Change:
    """Frames are flooded before, during and after what is done in here."""

    def __init__(self, site, name, *, via=1, flow=True):
        self.site = site
        self.name = name
        self.via = via
        self._flow = flow

    def __enter__(self):
        self.before = self.site.load.stop()
        self.site.load.via(self.via)
        if self._flow:
            self.flow()
        return self

    def flow(self, by=None):
        """Until each member got some copies; if 'by' has a link for each, some
        by that one."""
        load = self.site.load
        start = load.ask()

        def all_got_some():
            now = load.ask()
            new = [[n - m for n, m in zip(n["by_port"], m["by_port"])]
                   for n, m in zip(now["members"], start["members"])]
            if any(sum(ports) < SOME for ports in new):
                return False
            return by is None or all(
                ports[link - 1] for ports, link in zip(new, by))

        wait_until(all_got_some, TIMEOUT, "copies")

    def flow_by(self, link):
        """Until some copies come by a link."""
        def n_copies():
            return sum(m["by_port"][link - 1]
                       for m in self.site.load.ask()["members"])

        start = n_copies()
        wait_until(lambda: n_copies() > start + SOME, TIMEOUT,
                   f"copies by {link}")

    def settle(self, links):
        """Until all copies come by 'links' alone, and all come."""
        load = self.site.load

        def settled():
            start = load.ask()
            now = wait_until(
                lambda: (lambda r: r["frames"] - start["frames"] >= SOME
                         and r)(load.ask()), TIMEOUT, "frames")
            new = [[n - m for n, m in zip(n["by_port"], m["by_port"])]
                   for n, m in zip(now["members"], start["members"])]
            return all(any(ports) and not any(
                n for link, n in enumerate(ports, 1) if link not in links)
                for ports in new)

        wait_until(settled, TIMEOUT, f"copies to come by {links}")

    def __exit__(self, kind, error, trace):
        after = self.site.load.stop()
        before = self.before
        self.frames = after["frames"] - before["frames"]
        self.bad = after["bad"] - before["bad"]
        pairs = list(zip(after["members"], before["members"]))
        self.lost = [a["lost"] - b["lost"] for a, b in pairs]
        self.twice = [a["twice"] - b["twice"] for a, b in pairs]
        # Or some came late, again.
        assert all(a["copies"] - b["copies"] == self.frames - lost
                   for (a, b), lost in zip(pairs, self.lost))
        self.gap_ms = [a["gap_ms"] for a, _ in pairs]
        self.ports = [[x - y for x, y in zip(a["by_port"], b["by_port"])]
                      for a, b in pairs]
        print(f"{self.site.engine}: {self.name}: frames {self.frames}, lost "
              f"{self.lost}, twice {sum(self.twice)}, longest gap of them "
              f"{self.longest_gap(True)} ms, of others "
              f"{self.longest_gap(False)} ms")

    def longest_gap(self, lost):
        """In ms, between two copies for those that lost some, or none."""
        return max((gap for gap, n in zip(self.gap_ms, self.lost)
                    if bool(n) is lost), default=0)

    def links(self):
        """By which link each member gets most of its copies."""
        return [1 + ports.index(max(ports)) for ports in self.ports]

    def check_exact(self):
        assert (sum(self.lost), sum(self.twice), self.bad) == (0, 0, 0)

    def check(self, disturbed):
        """Only members of whom 'disturbed' is true may have lost copies, and
        for no longer than a moment."""
        assert (sum(self.twice), self.bad) == (0, 0)
        assert not [i for i, n in enumerate(self.lost)
                    if n and not disturbed[i]]
        assert self.longest_gap(True) < QUICK_MS


@pytest.fixture(scope="module", params=["ebpf", "socket"])
def site(request, build_dir):
    lab = Lab(build_dir)
    failed_before = request.session.testsfailed
    site = None
    try:
        site = Site(lab, request.param)
        yield site
    finally:
        if site:
            site.close()
        lab.close(failed=request.session.testsfailed > failed_before)


@pytest.fixture(scope="module")
def first_links(site):
    """By which of two links each member is reached, both being there."""
    with Change(site, "at first") as c:
        pass
    c.check_exact()
    links = c.links()
    # All of a member's come by the same.
    assert all(ports[link - 1] == c.frames
               for ports, link in zip(c.ports, links))
    assert set(links) == {1, 2}
    return links


@pytest.fixture
def links(request, site, first_links):
    """The same, and so it is after the test."""
    links = first_links
    failed_before = request.session.testsfailed
    yield links
    if request.session.testsfailed > failed_before:
        site.repair()
    with Change(site, "at last") as c:
        c.flow(by=links)
    c.check_exact()


def other(link):
    return 3 - link


@pytest.mark.parametrize("via", [1, 2])
def test_frames__by_either_interface__copies_by_both(site, links, via):
    with Change(site, f"frames by {via}", via=via) as c:
        pass
    c.check_exact()
    assert c.links() == links
    assert site.status()["engine"] == site.engine


@pytest.mark.parametrize("link", [1, 2])
def test_interface__down_and_up__others_not_disturbed(site, links, link):
    with Change(site, f"u{link} down", via=other(link)) as c:
        site.node.set_link(f"u{link}", False)
        c.settle([other(link)])
    c.check([i == link for i in links])
    with Change(site, f"u{link} up", via=other(link)) as c:
        site.node.set_link(f"u{link}", True)
        c.flow(by=links)
    c.check_exact()


def test_carrier__lost_and_back__others_not_disturbed(site, links):
    with Change(site, "u1 without carrier", via=2) as c:
        site.routers[1].set_link("p1", False)
        c.settle([2])
    c.check([i == 1 for i in links])
    with Change(site, "u1 with carrier", via=2) as c:
        site.routers[1].set_link("p1", True)
        site.repair_router(1)
        c.flow(by=links)
    c.check_exact()


def test_route__replaced__no_copy_lost(site, links):
    for by, expected in (([2], [2] * N_MEMBERS), ([1], [1] * N_MEMBERS),
                         ([1, 2], links)):
        with Change(site, f"route replaced by one via {by}", via=1) as c:
            site.route(*by)
            c.settle(by)
            c.flow(by=expected)
        c.check_exact()


def test_nexthop_objects__group_replaced__no_copy_lost(site, links):
    with site.nexthop_objects(1, 2):
        for group in ("2", "1", "1/2"):
            with Change(site, f"nexthop group {group}", via=1) as c:
                site.node.ip("nexthop", "replace", "id", 10, "group", group)
                c.settle([int(i) for i in group.split("/")])
            c.check_exact()


def test_neighbour__other_mac__others_not_disturbed(site, links):
    show = json.loads(site.routers[1].ip("-j", "link", "show", "p1"))
    for mac in ("02:00:00:00:05:77", show[0]["address"]):
        with Change(site, "r1 has another MAC", via=2) as c:
            site.routers[1].ip("link", "set", "p1", "address", mac)
            wait_until(lambda: mac in site.node.ip("neighbor", "show", "dev",
                                                   "u1"), TIMEOUT, "the MAC")
            c.flow(by=links)
        c.check([i == 1 for i in links])


def test_route__by_neighbour_not_known__no_copy_lost(site, links):
    """It has to be asked first."""
    with Change(site, "route by r1, not known", via=2) as c:
        site.route(2)
        c.settle([2])
        site.node.ip("neighbor", "flush", "dev", "u1")
        site.route(1)
        c.settle([1])
        site.route(1, 2)
        c.flow(by=links)
    c.check_exact()


def test_neighbour__silent_and_back__no_copy_lost(site, links):
    router = site.routers[1]
    with Change(site, "r1 does not answer", via=2) as c:
        site.sysctl(router, "net.ipv4.conf.p1.arp_ignore", 8)
        # As the kernel does when it has not heard of it for long.
        site.node.ip("neighbor", "change", "10.5.1.2", "dev", "u1", "nud",
                     "probe")
        c.settle([2])
    c.check_exact()
    with Change(site, "r1 answers", via=2) as c:
        site.sysctl(router, "net.ipv4.conf.p1.arp_ignore", 0)
        if site.engine == "socket":
            # The kernel does not ask again for whom it does not need.
            router.run("ping", "-c1", "-W5", "10.5.1.1")
        c.flow(by=links)
    c.check_exact()


def test_interface__added_and_deleted__others_not_disturbed(site, links):
    site.add_link(3)
    try:
        with Change(site, "a third interface", via=1) as c:
            site.route(1, 2, 3)
            c.flow_by(3)
            c.settle([1, 2, 3])
        c.check_exact()
        with Change(site, "three interfaces", via=3) as c:
            pass
        c.check_exact()
        assert {3} < set(c.links())
        with Change(site, "route without u3", via=1) as c:
            site.route(1, 2)
            c.settle([1, 2])
        c.check_exact()
        with Change(site, "u3 deleted, not used", via=1) as c:
            site.drop_link(3)
            c.flow(by=links)
        c.check_exact()
    finally:
        site.drop_link(3)
        site.route(1, 2)


def test_interface__deleted_while_used__others_not_disturbed(site, links):
    site.add_link(3)
    try:
        # Of a route with paths of its own the kernel forgets them all then.
        with site.nexthop_objects(1, 2, 3):
            with Change(site, "three interfaces", via=3) as c:
                c.flow_by(3)
                c.settle([1, 2, 3])
            c.check_exact()
            with Change(site, "by u3", via=3) as c:
                pass
            three = c.links()
            assert {3} < set(three)
            with Change(site, "u3 deleted", via=1) as c:
                site.drop_link(3)
                c.settle([1, 2])
            c.check([i == 3 for i in three])
    finally:
        site.drop_link(3)


def test_member__without_a_way__said_why(site, links):
    if site.engine == "socket":
        pytest.skip("the kernel alone knows")
    member, via = MEMBERS[0], f"10.5.{links[0]}.9"
    site.node.ip("route", "add", member, "via", via)
    try:
        why = f"{via} does not answer on u{links[0]}"
        wait_until(lambda: site.member(member)["way"] == "unresolved",
                   TIMEOUT, "the neighbour that does not answer")
        wait_until(lambda: (f"vtep={member}", why) in [
            (alarm["object"], alarm["text"]) for alarm in site.alarms()],
            TIMEOUT, "the alarm")
        wait_until(lambda: f"vtep={member} via={via}" in
                   site.lab.service("tsn-replicator").log_text(), TIMEOUT,
                   "the log")
        with Change(site, "no way to one", flow=False) as c:
            wait_until(lambda: site.load.ask()["members"][-1]["copies"]
                       - c.before["members"][-1]["copies"] > SOME, TIMEOUT,
                       "copies for the others")
        assert c.lost[0] == c.frames
        c.check([True] + [False] * (N_MEMBERS - 1))
        site.node.ip("route", "replace", "unreachable", member)
        wait_until(lambda: site.member(member)["way"] == "unrouted", TIMEOUT,
                   "no route")
        assert site.status()["unresolved"] == 1
        assert site.ask("drops", "blue")["no_neighbour"] >= c.frames
    finally:
        site.node.ip("route", "flush", member)
    wait_until(lambda: site.member(member)["way"] == f"u{links[0]}", TIMEOUT,
               "a way")
    wait_until(lambda: not site.alarms(), TIMEOUT, "no alarms")
