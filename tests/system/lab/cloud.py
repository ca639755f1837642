# SPDX-License-Identifier: Apache-2.0
"""A cloud of several networks, changed while it runs, and what the databases
of its switches have to contain for it."""

import signal
from collections import Counter

from .base import LabError, wait_until

RELOAD_S = 10


class Cloud:
    """What tsn-controller is to be told, as plain dictionaries that a test
    edits; tell() has the controller read them.  What its switches have learnt
    is written to their databases at once."""

    def __init__(self, lab):
        self.lab = lab
        self.networks = {}      # Name to VNI.
        self.ports = {}         # (switch, port, VLAN) to network.
        self.hosts = {}         # Name to VTEP.
        self.machines = {}      # (network, MAC) to host.
        self.learnt = {}        # (network, MAC) to the name of a switch.
        self.more = {}          # Other sections.
        self._ids = {}          # Network ids, which outlive a VNI.
        lab.cloud = self

    # To the controller.

    def controller_yaml(self):
        for network in self.networks:
            self._ids.setdefault(network, 1000 + len(self._ids))
        return {
            "name": "tsn-controller",
            "listen": "0.0.0.0:5269",
            "networks": [{"name": name, "vni": vni, "id": self._ids[name]}
                         for name, vni in self.networks.items()],
            "switches": [self._switch(switch, member)
                         for switch in self.lab.switches
                         for member in switch.members],
            "hosts": [{"name": name, "vtep": vtep, "machines": [
                           {"network": network, "mac": mac}
                           for (network, mac), host in self.machines.items()
                           if host == name]}
                      for name, vtep in self.hosts.items()],
            "tsns": [{"name": "tsn1", "address": self.lab.tsn_address}],
            **self.more,
        }

    def _switch(self, switch, member):
        return {"name": member, "vtep": switch.members[member],
                "agent": f"{switch.name}-agent",
                "ports": [{"name": port, "vlan": vlan, "network": network}
                          for (name, port, vlan), network
                          in self.ports.items() if name == member]}

    def tell(self):
        self.lab.write_config()
        reload(self.lab.service("tsn-controller"))

    # Of and to the switches.

    def networks_of(self, switch):
        return {network for (name, _, _), network in self.ports.items()
                if name in switch.members}

    def ls_name(self, switch, network):
        """The name of its row, once the switch has it."""
        def find():
            return [row["name"] for row in switch.rows("Logical_Switch")
                    if row["tunnel_key"] == self.networks[network]]

        name, = wait_until(find, RELOAD_S, f"network {network} in the "
                           f"database of {switch.name}")
        return name

    def learn(self, switch, network, mac, member=None):
        """The switch hears a server."""
        member = member or switch.name
        switch.vtep_ctl("add-ucast-local", self.ls_name(switch, network), mac,
                        switch.members[member])
        self.learnt[network, mac] = member

    def forget(self, switch, network, mac):
        """The switch has not heard a server for long."""
        switch.forget(self.ls_name(switch, network), mac)
        del self.learnt[network, mac]

    def wanted(self, switch):
        """What the switch's database is to have, in the form of content()."""
        vnis = {network: self.networks[network]
                for network in self.networks_of(switch)}
        macs = [(vnis[network], mac, self.hosts[host])
                for (network, mac), host in self.machines.items()
                if network in vnis]
        macs += [(vnis[network], mac, vtep)
                 for (network, mac), name in self.learnt.items()
                 for other in self.lab.switches
                 for member, vtep in other.members.items()
                 if member == name and other is not switch
                 and network in vnis and network in self.networks_of(other)]
        return {
            "networks": sorted(vnis.values()),
            "modes": sorted((vni, "service_node") for vni in vnis.values()),
            "bindings": sorted((name, port, vlan, vnis[network])
                               for (name, port, vlan), network
                               in self.ports.items()
                               if name in switch.members),
            "macs": sorted(macs),
            "floods": sorted((vni, "unknown-dst", (self.lab.tsn_address,))
                             for vni in vnis.values()),
        }

    def is_served(self, switch):
        return content(switch) == self.wanted(switch)

    def wait_served(self, switch, timeout):
        found = None

        def served():
            nonlocal found
            found = content(switch)
            return found == self.wanted(switch)

        try:
            wait_until(served, timeout, "its rows")
        except LabError:
            raise LabError(
                f"after {timeout:g} s {switch.name} has not what it should "
                f"have: {differences(self.wanted(switch), found)}; see "
                f"{self.lab.service('tsn-tor-agent').log}") from None


def _members(value):
    return value if isinstance(value, list) else [value]


def content(switch):
    """What we write into the database of a switch: one item per row, so that
    a row too many shows, networks by their VNI."""
    tables = switch.tables()
    vnis = {uuid: row["tunnel_key"] or 0
            for uuid, row in tables["Logical_Switch"].items()}
    vteps = {uuid: row["dst_ip"]
             for uuid, row in tables["Physical_Locator"].items()}
    floods = [(vnis[row["logical_switch"]], row["MAC"],
               tuple(sorted(vteps[locator] for locator in _members(
                   tables["Physical_Locator_Set"][row["locator_set"]]
                   ["locators"]))))
              for row in tables["Mcast_Macs_Remote"].values()]
    return {
        "networks": sorted(vnis.values()),
        "modes": sorted((vnis[uuid], row["replication_mode"] or "")
                        for uuid, row in tables["Logical_Switch"].items()),
        "bindings": sorted(
            (ps["name"], tables["Physical_Port"][port]["name"], vlan,
             vnis[ls])
            for ps in tables["Physical_Switch"].values()
            for port in _members(ps["ports"])
            for vlan, ls in tables["Physical_Port"][port]
            ["vlan_bindings"].items()),
        "macs": sorted((vnis[row["logical_switch"]], row["MAC"].lower(),
                        vteps[row["locator"]])
                       for row in tables["Ucast_Macs_Remote"].values()),
        "floods": sorted(floods),
    }


def differences(wanted, found):
    """The items of content() that are only in one of both."""
    text = []
    for kind in wanted:
        items, rows = Counter(wanted[kind]), Counter(found[kind])
        text += [f"{kind}: lacks {item}" for item in (items - rows)]
        text += [f"{kind}: too many {item}" for item in (rows - items)]
    return "; ".join(text)


def remove_all(switch, *more):
    """As if a new switch had been put in the place of the old one: what we
    wrote is gone.  'more' is done in the same transaction."""
    switch.transact(
        *({"op": "delete", "table": table, "where": []}
          for table in ("Ucast_Macs_Remote", "Mcast_Macs_Remote")),
        {"op": "update", "table": "Physical_Port", "where": [],
         "row": {"vlan_bindings": ["map", []]}},
        {"op": "delete", "table": "Logical_Switch", "where": []}, *more)


def reload(service):
    """SIGHUP, until the service has taken its configuration."""
    def taken():
        return service.log_text().count("configuration loaded file=")

    before = taken()
    service.signal(signal.SIGHUP)
    wait_until(lambda: taken() > before, RELOAD_S,
               f"{service.name} to take its configuration", log=service.log)


def make_lab(lab, switches):
    """A lab that is 'switches' and the machines of the services, no more:
    their databases have to be made, the services to be started."""
    lab.switches[:] = switches
    lab.servers.clear()
    lab.make_underlay()
    for switch in switches:
        switch.create()
