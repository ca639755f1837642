# SPDX-License-Identifier: Apache-2.0
"""Others that flood a VXLAN frame to tunnels, each as it does best."""

import subprocess

from bench._flood_site import (GATE, NODE_CORE, OUT, SENDER, SINK, VNI, WAIT_S,
                               Site, check_sample, endpoint, measure_at_ifb,
                               measure_at_sink, pinned)
from lab.base import run, wait_until
from lab.process import Process, stop_all

VNI_OUT = 200
OVS_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


def start_kernel(site, fanout, inline):
    """From one VXLAN device through a bridge to another: on a core that does
    nothing else or, 'inline', where a frame is taken in."""
    ns = site.node_ns
    for argv in (
            ("add", "vxi", "type", "vxlan", "id", VNI, "dstport", "4789",
             "nolearning", "noudpcsum"),
            ("add", "vxo", "type", "vxlan", "id", VNI_OUT, "dstport", "4789",
             "local", OUT, "nolearning", "noudpcsum"),
            ("add", "br0", "type", "bridge", "mcast_snooping", "0"),
            ("set", "vxi", "mtu", "1550", "master", "br0", "up"),
            ("set", "vxo", "mtu", "1550", "master", "br0", "up"),
            ("set", "br0", "up")):
        ns.ip("link", *argv)
    batch = "".join(f"fdb append 00:00:00:00:00:00 dev vxo dst {endpoint(i)}\n"
                    for i in range(fanout))
    subprocess.run(ns.argv("bridge", "-batch", "-"), input=batch, text=True,
                   check=True, timeout=60)
    if not inline:
        site.poll_by_thread()


def run_kernel(context, sink, fanout, inner, inline=False):
    with Site(context, sink) as site:
        start_kernel(site, fanout, inline)
        if sink == "ifb":
            return measure_at_ifb(site, fanout, inner)
        check_sample(site, fanout, VNI_OUT)
        return measure_at_sink(site, fanout, inner)


class Ovs:
    """ovs-vswitchd with the user-space datapath on the node's core: one flow,
    from a tunnel to all others.  Its files and sockets are in the site's
    directory, and it knows of no other Open vSwitch."""

    def __init__(self, site):
        self.site = site
        self.ns = site.node_ns
        self.dir = site.state.dir / "ovs"
        self.env = {f"OVS_{what}DIR": str(self.dir)
                    for what in ("RUN", "DB", "LOG", "SYSCONF")}
        self.remote = f"unix:{self.dir}/db.sock"
        self.control = self.dir / "vswitchd.ctl"
        self.processes = [
            Process(self.ns, "ovsdb-server",
                    ["ovsdb-server", f"--remote=p{self.remote}",
                     f"--unixctl={self.dir}/ovsdb.ctl", "-vsyslog:off",
                     self.dir / "conf.db"],
                    self.dir / "ovsdb-server.log", env=self.env),
            Process(self.ns, "ovs-vswitchd",
                    pinned(NODE_CORE, "ovs-vswitchd",
                           f"--unixctl={self.control}", "-vsyslog:off",
                           self.remote),
                    self.dir / "ovs-vswitchd.log", env=self.env)]

    def start(self, fanout):
        self.dir.mkdir()
        run("ovsdb-tool", "create", self.dir / "conf.db", OVS_SCHEMA)
        self.processes[0].start()
        wait_until(lambda: run("ovsdb-client", "--timeout=2", "list-dbs",
                               self.remote),
                   WAIT_S, "the database of OVS", log=self.processes[0].log)
        self.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".",
                   "other_config:n-handler-threads=1",
                   "other_config:n-revalidator-threads=1")
        self.processes[1].start()
        self.add_underlay()
        self.add_tunnels(fanout)

    def stop(self):
        stop_all(reversed(self.processes))

    def vsctl(self, *argv):
        self.ns.run("ovs-vsctl", "--timeout=60", f"--db={self.remote}", *argv,
                    env=self.env, timeout=70)

    def ofctl(self, *argv):
        self.ns.run("ovs-ofctl", *argv, env=self.env)

    def appctl(self, *argv):
        return run("ovs-appctl", "-t", self.control, *argv)

    def add_underlay(self):
        """The addresses move to bridges, which have the MACs from their start:
        a tunnel matches those that it finds when it is made."""
        for bridge, port, address, peer, peer_mac in (
                ("br-in", "in0", GATE, SENDER,
                 self.site.mac(self.site.gen_ns, "g0")),
                ("br-out", "out0", OUT, SINK, self.site.sink_mac())):
            self.ns.ip("addr", "flush", "dev", port)
            mac = self.site.mac(self.ns, port)
            self.vsctl("add-br", bridge, "--", "set", "bridge", bridge,
                       "datapath_type=netdev",
                       f"other-config:hwaddr=\"{mac}\"", "--", "add-port",
                       bridge, port, "--", "set", "interface", port,
                       "ofport_request=1")
            self.ns.ip("link", "set", bridge, "mtu", "1600", "up")
            self.ns.ip("addr", "add", f"{address}/24", "dev", bridge)
            self.ofctl("del-flows", bridge)
            self.ofctl("add-flow", bridge, "in_port=1,actions=LOCAL")
            self.ofctl("add-flow", bridge, "in_port=LOCAL,actions=1")
            self.appctl("tnl/neigh/set", bridge, peer, peer_mac)
        self.ns.ip("route", "add", "10.3.0.0/16", "via", SINK, "dev",
                   "br-out")

    def add_tunnels(self, fanout):
        port = fanout + 1
        argv = ["add-br", "br-int", "--", "set", "bridge", "br-int",
                "datapath_type=netdev"]
        tunnels = [(port, SENDER, VNI)] + [(i + 1, endpoint(i), VNI_OUT)
                                           for i in range(fanout)]
        for number, remote, vni in tunnels:
            argv += ["--", "add-port", "br-int", f"v{number}", "--", "set",
                     "interface", f"v{number}", "type=vxlan",
                     f"options:remote_ip={remote}", f"options:key={vni}",
                     f"ofport_request={number}"]
        self.vsctl(*argv)
        self.ofctl("del-flows", "br-int")
        flow = self.dir / "flow"
        flow.write_text(f"in_port={port},actions="
                        + ",".join(str(i + 1) for i in range(fanout)) + "\n")
        self.ofctl("add-flows", "br-int", flow)


def run_ovs(context, sink, fanout, inner):
    """With a veth as sink a sample is looked at, and nothing measured."""
    with Site(context, sink) as site:
        ovs = Ovs(site)
        ovs.start(fanout)
        if sink == "veth":
            check_sample(site, fanout, VNI_OUT)
            rate = None
        else:
            rate = measure_at_ifb(site, fanout, inner)
        ovs.stop()
        return rate
