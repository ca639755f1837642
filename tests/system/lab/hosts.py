# SPDX-License-Identifier: Apache-2.0
"""Bare-metal servers, and a compute host with a virtual machine."""

import json
from pathlib import Path

from .base import LabError, run
from .netns import Namespace, connect

# What VXLAN adds to a frame, and some air.
TENANT_MTU = 1400
UDHCPC_SCRIPT = Path(__file__).with_name("udhcpc-script")


class Host:
    """A machine in a virtual network."""

    interface = "eth0"

    def __init__(self, lab, name, mac, address):
        self.lab = lab
        self.name = name
        self.mac = mac
        self.address = address
        self.ns = Namespace(lab.state, name)

    def create(self):
        self.ns.create()
        return self

    def set_up_link(self):
        """Once the interface is there."""
        self.ns.ip("link", "set", self.interface, "address", self.mac,
                   "mtu", str(TENANT_MTU))

    def set_address(self, prefix):
        self.ns.ip("address", "replace", f"{self.address}/{prefix}", "dev",
                   self.interface)

    def flush(self):
        """Forgets addresses, routes and neighbours."""
        self.ns.ip("address", "flush", "dev", self.interface)
        self.ns.ip("neighbour", "flush", "dev", self.interface)

    def addresses(self):
        links = json.loads(self.ns.ip("-j", "-4", "address", "show", "dev",
                                      self.interface))
        return [f"{a['local']}/{a['prefixlen']}" for link in links
                for a in link.get("addr_info", [])]

    def ping(self, target, *, count=1, interval=0.2, timeout=1):
        """Sends pings and returns how many were answered.  'target' is a Host
        or an address."""
        text = self.ns.run("ping", "-n", "-q", "-c", count, "-i", interval,
                           "-W", timeout, getattr(target, "address", target),
                           timeout=count * interval + timeout + 10,
                           ok=(0, 1))
        for line in text.splitlines():
            if "received" in line:
                return int(line.split(",")[1].split()[0])
        raise LabError(f"ping on {self.name} said: {text}")


class Server(Host):
    """A bare-metal server: gets its address by DHCP."""

    def __init__(self, lab, name, mac, address, switch, port):
        super().__init__(lab, name, mac, address)
        self.switch = switch
        self.port = port

    def dhcp(self, *, tries=5, pause=1):
        """Runs a DHCP client until it has a lease or gives up, and returns
        what it was told: a dict of udhcpc's variables ("ip", "router", ...).
        The address is configured in the server's namespace, nowhere else."""
        lease = self.lab.state.dir / f"{self.name}.lease"
        lease.unlink(missing_ok=True)
        log = self.lab.log_dir / f"{self.name}-udhcpc.log"
        self.ns.run("sh", "-c", 'exec "$@" >>"$LOG" 2>&1', "sh",
                    "udhcpc", "-f", "-n", "-q", "-i", self.interface,
                    "-t", tries, "-T", pause, "-s", UDHCPC_SCRIPT,
                    env={"LEASE": str(lease), "LOG": str(log)},
                    timeout=tries * pause + 20, ok=(0, 1))
        if not lease.exists():
            raise LabError(f"{self.name} got no lease in {tries} tries; "
                           f"see {log}")
        return dict(line.split("=", 1)
                    for line in lease.read_text().splitlines())


class ComputeHost:
    """A compute host as a cloud's agent sets it up, by means of the kernel: a
    bridge with a VXLAN device that does not learn, whose forwarding table is
    written from what the control plane knows."""

    def __init__(self, lab, name, address, vni):
        self.lab = lab
        self.name = name
        self.address = address
        self.vni = vni
        self.ns = Namespace(lab.state, name)
        self.machines = []

    def create(self):
        self.ns.create()
        self.lab.plug(self.ns, self.address)
        ip = self.ns.ip
        ip("link", "add", "br0", "type", "bridge", "forward_delay", "0")
        ip("link", "add", "vx0", "type", "vxlan", "id", str(self.vni),
           "local", self.address, "dstport", "4789", "nolearning",
           "noudpcsum")
        ip("link", "set", "vx0", "master", "br0")
        for interface in ("br0", "vx0"):
            self.ns.set_link(interface, True)
        return self

    def add_machine(self, machine):
        """Starts a virtual machine, as far as the network can tell."""
        machine.create()
        tap = f"tap{len(self.machines)}"
        connect(machine.ns, machine.interface, self.ns, tap)
        self.ns.ip("link", "set", tap, "master", "br0")
        machine.set_up_link()
        self.machines.append(machine)

    def flood_to(self, vteps):
        """Who gets a copy of broadcast, multicast and unknown unicast."""
        for vtep in vteps:
            self._bridge("append", "00:00:00:00:00:00", "dev", "vx0", "dst",
                         vtep, "self", "permanent")

    def reach(self, mac, vtep):
        """Behind which VTEP a MAC is.  For the bridge the MAC is behind the
        device, for the device behind the VTEP."""
        self._bridge("replace", mac, "dev", "vx0", "dst", vtep, "self",
                     "permanent")
        self._bridge("replace", mac, "dev", "vx0", "master", "static")

    def _bridge(self, *argv):
        run("bridge", "-n", self.ns.name, "fdb", *argv)
