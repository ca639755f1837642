# SPDX-License-Identifier: Apache-2.0
"""Random edits of the cloud's configuration, and of the switches' databases by
the switches and by foreign hands: whatever they are, within 5 s each database
is as it should be without a row too many, and then nothing is written any
more.  TSN_SEED repeats a run."""

import os
import random
import time

import pytest

from lab import FakeSwitch, LabError, wait_until
from lab.cloud import Cloud, content, differences, make_lab

N_BURSTS = 24
N_EDITS = 10            # Of a burst, at most.
N_NETWORKS = 5
N_MACS = 5
CONVERGE_S = 5
COMPLETE_S = 30
QUIET_S = 3             # Longer than any wait that ends in a write anew.
VNIS = range(100, 100 + N_NETWORKS + 2)
# The last one is the database of two switches.
PROFILES = ["generic", "ovs-vtep", "schema", "arista"]
PORTS = ["p1", "p2"]
VLANS = [10, 11, 12]


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab
    switches = [FakeSwitch(lab, f"sw{i}", f"10.0.0.{30 + i}", PORTS)
                for i in range(len(PROFILES))]
    for switch, profile in zip(switches, PROFILES):
        switch.settings = {"profile": profile, "max-backoff": 1000}
    pair = switches[-1]
    pair.members = {"leaf1": "10.0.0.41", "leaf2": "10.0.0.42"}
    pair.settings["switches"] = list(pair.members)
    # What nobody wants goes after that time.
    lab.settings = {"stale-hold": 1}
    make_lab(lab, switches)
    cloud = Cloud(lab)
    cloud.networks = {"marker": 99}
    cloud.ports = {(member, "p1", 9): "marker" for switch in switches
                   for member in switch.members}
    cloud.more = {"graceful-restart": {"enable": False}}
    lab.start_services(("tsn-controller", "tsn-tor-agent"))
    # Before the cloud has told all, which is when it was silent for a while,
    # nobody knows what may go.
    for switch in switches:
        switch.transact({"op": "insert", "table": "Logical_Switch",
                         "row": {"name": "left behind", "tunnel_key": 42}})
    for switch in switches:
        cloud.wait_served(switch, COMPLETE_S)
    return lab


class Editor:
    """Edits at random, and keeps the cloud's books: a test's only knowledge
    of what is wanted is the Cloud."""

    def __init__(self, lab, rng):
        self.lab = lab
        self.cloud = lab.cloud
        self.rng = rng
        self.names = {}         # Network to the name of its row.
        self.n_intruders = 0

    def edit(self):
        rng = self.rng
        if rng.randrange(2):
            edit = rng.choice([
                self.add_network, self.remove_network, self.renumber_network,
                self.swap_networks, self.bind, self.bind, self.unbind,
                self.add_machine, self.add_machine, self.remove_machine,
                self.add_host, self.remove_host, self.renumber_host])
            print(edit.__name__)
            edit()
        else:
            switch = rng.choice(self.lab.switches)
            edit = rng.choice([
                self.learn, self.learn, self.learn, self.forget,
                self.delete_rows, self.clear_bindings, self.double,
                self.other_vtep, self.other_vni, self.intrude, self.stray_mac,
                self.remove_network_rows, self.renew_port,
                self.renew_switch, self.rename, self.readdress,
                self.source_node, self.cut])
            print(edit.__name__, switch.name)
            try:
                edit(switch)
            except LabError as error:
                # What it wanted to change the agent has changed before.
                if "referential integrity" not in str(error):
                    raise

    # The operator.

    def tell(self):
        self.drop_dangling()
        before = {switch: self.cloud.networks_of(switch)
                  for switch in self.lab.switches}
        self.cloud.tell()
        for switch, networks in before.items():
            self.clean_up(switch, networks)

    def drop_dangling(self):
        """What refers to a network or host that is gone, goes too."""
        cloud = self.cloud
        cloud.ports = {port: network for port, network in cloud.ports.items()
                       if network in cloud.networks}
        cloud.machines = {key: host for key, host in cloud.machines.items()
                          if key[0] in cloud.networks and host in cloud.hosts}

    def clean_up(self, switch, networks):
        """The switch forgets what it learnt in networks it is no more in."""
        wanted = {self.names[network] for network in networks
                  if network in self.names}
        gone = [["uuid", row["_uuid"]] for row in switch.rows("Logical_Switch")
                if row["name"] not in wanted]
        switch.transact(*({"op": "delete", "table": "Ucast_Macs_Local",
                           "where": [["logical_switch", "==", uuid]]}
                          for uuid in gone))
        for (network, mac), name in list(self.cloud.learnt.items()):
            if name in switch.members and network not in networks:
                del self.cloud.learnt[network, mac]

    def free_vnis(self):
        return [vni for vni in VNIS
                if vni not in self.cloud.networks.values()]

    def some(self, things):
        """One of them; "marker" is not touched."""
        things = sorted(thing for thing in things
                        if "marker" not in (thing, thing[0]))
        return self.rng.choice(things) if things else None

    def add_network(self):
        name = f"n{self.rng.randrange(N_NETWORKS)}"
        self.cloud.networks.setdefault(name, self.rng.choice(self.free_vnis()))

    def remove_network(self):
        self.cloud.networks.pop(self.some(self.cloud.networks), None)
        self.drop_dangling()

    def renumber_network(self):
        if network := self.some(self.cloud.networks):
            self.cloud.networks[network] = self.rng.choice(self.free_vnis())

    def swap_networks(self):
        """All VNIs change places in a ring."""
        networks = self.cloud.networks
        names = sorted(networks.keys() - {"marker"})
        vnis = [networks[name] for name in names]
        networks |= dict(zip(names, vnis[1:] + vnis[:1]))

    def bind(self):
        switch = self.rng.choice(self.lab.switches)
        if network := self.some(self.cloud.networks):
            self.cloud.ports[self.member(switch), self.rng.choice(PORTS),
                             self.rng.choice(VLANS)] = network

    def unbind(self):
        ports = {port for port, network in self.cloud.ports.items()
                 if network != "marker"}
        self.cloud.ports.pop(self.some(ports), None)

    def add_machine(self):
        network = self.some(self.cloud.networks)
        host = self.some(self.cloud.hosts)
        if network and host:
            mac = f"02:cc:00:00:00:{self.rng.randrange(N_MACS):02x}"
            self.cloud.machines[network, mac] = host

    def remove_machine(self):
        self.cloud.machines.pop(self.some(self.cloud.machines), None)

    def free_vtep(self):
        return self.rng.choice([vtep for vtep in
                                (f"10.0.1.{i}" for i in range(1, 9))
                                if vtep not in self.cloud.hosts.values()])

    def add_host(self):
        self.cloud.hosts.setdefault(f"h{self.rng.randrange(3)}",
                                    self.free_vtep())

    def remove_host(self):
        if len(self.cloud.hosts) > 1:
            del self.cloud.hosts[self.some(self.cloud.hosts)]
            self.drop_dangling()

    def renumber_host(self):
        if host := self.some(self.cloud.hosts):
            self.cloud.hosts[host] = self.free_vtep()

    # The switches.

    def member(self, switch):
        return self.rng.choice(list(switch.members))

    def row_of(self, switch, network):
        for row in switch.rows("Logical_Switch"):
            if row["name"] == self.names.get(network):
                return ["uuid", row["_uuid"]]
        return None

    def learn(self, switch):
        """A server is heard for the first time, or somewhere else: where it
        was it is no more."""
        network = self.some(self.cloud.networks_of(switch))
        ls = network and self.row_of(switch, network)
        if not ls:
            return
        mac = f"02:aa:00:00:00:{self.rng.randrange(N_MACS):02x}"
        self.forget_mac(network, mac)
        member = self.member(switch)
        before, locator = switch.locator(switch.members[member])
        switch.transact(*before, {
            "op": "insert", "table": "Ucast_Macs_Local",
            "row": {"MAC": mac, "logical_switch": ls, "locator": locator}})
        self.cloud.learnt[network, mac] = member

    def forget(self, switch):
        learnt = [key for key, name in self.cloud.learnt.items()
                  if name in switch.members]
        if learnt:
            self.forget_mac(*self.rng.choice(sorted(learnt)))

    def forget_mac(self, network, mac):
        name = self.cloud.learnt.pop((network, mac), None)
        for switch in self.lab.switches:
            ls = name in switch.members and self.row_of(switch, network)
            if ls:
                switch.transact({"op": "delete", "table": "Ucast_Macs_Local",
                                 "where": [["MAC", "==", mac],
                                           ["logical_switch", "==", ls]]})

    def renew_port(self, switch):
        """A line card is pulled and put back: the row is another one."""
        member = self.member(switch)
        switch.vtep_ctl("del-port", member, "p2")
        switch.vtep_ctl("add-port", member, "p2")

    def renew_switch(self, switch):
        """It is replaced by another one of the same name."""
        member = self.member(switch)
        switch.vtep_ctl("del-ps", member)
        switch.vtep_ctl("add-ps", member, "--", "set", "Physical_Switch",
                        member, f"tunnel_ips={switch.members[member]}")
        for port in PORTS:
            switch.vtep_ctl("add-port", member, port)

    def rename(self, switch):
        member = self.member(switch)
        for old, new in ((member, f"{member}-x"), (f"{member}-x", member)):
            switch.transact({"op": "update", "table": "Physical_Switch",
                             "where": [["name", "==", old]],
                             "row": {"name": new}})

    def readdress(self, switch):
        """Its tunnel address is gone for a moment."""
        member = self.member(switch)
        for ips in (["set", []], switch.members[member]):
            switch.transact({"op": "update", "table": "Physical_Switch",
                             "where": [["name", "==", member]],
                             "row": {"tunnel_ips": ips}})

    def cut(self, switch):
        switch.cut_connections()

    # Foreign hands.

    def row(self, switch, table):
        """A row, of those that are not "marker"'s, as a condition and with
        its content."""
        names = {row["_uuid"]: row["name"]
                 for row in switch.rows("Logical_Switch")}

        def network(row):
            return names.get(row.get("logical_switch", row["_uuid"]), "")

        rows = [row for row in switch.rows(table)
                if network(row) != self.names["marker"]]
        if not rows:
            return None, None
        # In an order that a seed repeats.
        row = self.rng.choice(sorted(rows, key=lambda row: (
            network(row), row.get("MAC", ""))))
        return [["_uuid", "==", ["uuid", row["_uuid"]]]], row

    def remote_table(self):
        return self.rng.choice(["Ucast_Macs_Remote", "Mcast_Macs_Remote"])

    def delete_rows(self, switch):
        table = self.remote_table()
        where, _ = self.row(switch, table)
        if where:
            switch.transact({"op": "delete", "table": table, "where": where})

    def clear_bindings(self, switch):
        switch.transact({"op": "update", "table": "Physical_Port",
                         "where": [["name", "==", self.rng.choice(PORTS)]],
                         "row": {"vlan_bindings": ["map", []]}})

    def double(self, switch):
        table = self.remote_table()
        _, row = self.row(switch, table)
        if row:
            target = ("locator" if "locator" in row else "locator_set")
            switch.transact({"op": "insert", "table": table, "row": {
                "MAC": row["MAC"].upper() if target == "locator"
                else row["MAC"],
                "logical_switch": ["uuid", row["logical_switch"]],
                target: ["uuid", row[target]]}})

    def other_vtep(self, switch):
        table = self.remote_table()
        where, row = self.row(switch, table)
        if not row:
            return
        before, locator = switch.locator(f"10.0.9.{self.rng.randrange(3)}")
        if table == "Mcast_Macs_Remote":
            before.append({"op": "insert", "table": "Physical_Locator_Set",
                           "uuid-name": "s", "row": {"locators": locator}})
        switch.transact(*before, {
            "op": "update", "table": table, "where": where,
            "row": {"locator": locator} if table == "Ucast_Macs_Remote"
            else {"locator_set": ["named-uuid", "s"]}})

    def other_vni(self, switch):
        where, _ = self.row(switch, "Logical_Switch")
        if where:
            switch.transact({
                "op": "update", "table": "Logical_Switch", "where": where,
                "row": {"tunnel_key": self.rng.choice([*VNIS, ["set", []]])}})

    def source_node(self, switch):
        switch.transact({"op": "update", "table": "Logical_Switch",
                         "where": [],
                         "row": {"replication_mode": "source_node"}})

    def intrude(self, switch):
        """A network of somebody else, at a port, with a VNI of ours."""
        self.n_intruders += 1
        switch.transact(
            {"op": "insert", "table": "Logical_Switch", "uuid-name": "n",
             "row": {"name": f"intruder{self.n_intruders}",
                     "tunnel_key": self.rng.choice(VNIS)}},
            {"op": "mutate", "table": "Physical_Port",
             "where": [["name", "==", self.rng.choice(PORTS)]],
             "mutations": [["vlan_bindings", "insert",
                            ["map", [[77, ["named-uuid", "n"]]]]]]})

    def stray_mac(self, switch):
        """A MAC in a network of ours that nobody has."""
        _, ls = self.row(switch, "Logical_Switch")
        if ls:
            before, locator = switch.locator("10.0.9.9")
            switch.transact(*before, {
                "op": "insert", "table": "Ucast_Macs_Remote",
                "row": {"MAC": "02:ee:00:00:00:01", "locator": locator,
                        "logical_switch": ["uuid", ls["_uuid"]]}})

    def remove_network_rows(self, switch):
        """A network with all that is in it, unless the switch has learnt in
        it."""
        where, ls = self.row(switch, "Logical_Switch")
        if not where or ls["_uuid"] in {
                row["logical_switch"]
                for row in switch.rows("Ucast_Macs_Local")}:
            return
        uuid = ["uuid", ls["_uuid"]]
        marker = self.row_of(switch, "marker")
        switch.transact(
            *({"op": "delete", "table": table,
               "where": [["logical_switch", "==", uuid]]}
              for table in ("Ucast_Macs_Remote", "Mcast_Macs_Remote")),
            {"op": "update", "table": "Physical_Port",
             "where": [["name", "==", "p1"]],
             "row": {"vlan_bindings": ["map", [[9, marker]]]}},
            {"op": "update", "table": "Physical_Port",
             "where": [["name", "==", "p2"]],
             "row": {"vlan_bindings": ["map", []]}},
            {"op": "delete", "table": "Logical_Switch", "where": where})

    # Afterwards.

    def wait_converged(self):
        """On a machine that has more to do than it can it may take longer."""
        busy = os.getloadavg()[0] > (os.cpu_count() or 1)
        end = time.monotonic() + CONVERGE_S * (3 if busy else 1)
        for switch in self.lab.switches:
            self.cloud.wait_served(switch, max(0, end - time.monotonic()))
        self.read_names()

    def read_names(self):
        """A network has the same name in each database, and keeps it."""
        networks = {vni: name for name, vni in self.cloud.networks.items()}
        for switch in self.lab.switches:
            for row in switch.rows("Logical_Switch"):
                network = networks[row["tunnel_key"]]
                name = self.names.setdefault(network, row["name"])
                assert name == row["name"]


def transactions(lab):
    return {tor["tor"]: tor["ovsdb"]["transactions"]
            for tor in lab.tsnctl("show", "tors", as_json=True)["tors"]}


def check_quiet(lab, editor):
    """Nothing is written while nothing changes, and of a MAC that comes and
    goes just that."""
    before = transactions(lab)
    end = time.monotonic() + QUIET_S
    while time.monotonic() < end:
        assert transactions(lab) == before
        for switch in lab.switches:
            assert not differences(lab.cloud.wanted(switch), content(switch))
    first, *others = lab.switches
    mac = "02:ab:00:00:00:01"
    lab.cloud.learn(first, "marker", mac)
    editor.wait_converged()
    lab.cloud.forget(first, "marker", mac)
    editor.wait_converged()
    assert transactions(lab) == {
        name: n + (0 if name == first.name else 2)
        for name, n in before.items()}


def test_cloud_and_databases__edited_at_random__converge(lab):
    seed = int(os.environ.get("TSN_SEED") or random.randrange(1 << 32))
    print(f"TSN_SEED={seed}")
    rng = random.Random(seed)
    editor = Editor(lab, rng)
    editor.read_names()
    lab.cloud.hosts = {"h0": "10.0.1.1"}
    for _ in range(8):
        editor.add_network()
        editor.bind()
        editor.add_machine()
    for burst in range(N_BURSTS):
        print(f"burst {burst}")
        for _ in range(rng.randrange(1, N_EDITS + 1)):
            editor.edit()
            if rng.randrange(3) == 0:
                editor.tell()
        editor.tell()
        editor.wait_converged()
    check_quiet(lab, editor)


def test_agent__restarted_after_it_all__has_nothing_to_write(lab):
    editor = Editor(lab, random.Random(0))
    editor.read_names()
    agent = lab.service("tsn-tor-agent")
    assert agent.stop() == 0
    agent.start()
    wait_until(lambda: all(tor["switch"] and tor["control_node"]
                           for tor in lab.tsnctl(
                               "tor", "list", as_json=True)["tors"]), 20,
               "the agent to be back")
    check_quiet(lab, editor)
    first, *_ = transactions(lab)
    assert transactions(lab)[first] == 0
