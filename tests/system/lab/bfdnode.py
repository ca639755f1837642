# SPDX-License-Identifier: Apache-2.0
"""A service node that answers BFD and does no more: Open vSwitch's own BFD at
the end of a VXLAN tunnel."""

from .switch import Switch

BFD_MS = 300


class BfdNode(Switch):
    """Of a switch it has the datapath and the underlay; no ovs-vtep runs."""

    @property
    def processes(self):
        return [self.ovsdb, self.vswitchd]

    def create(self, peers=()):
        """Makes the node, running, with BFD to the switches 'peers'."""
        self._create_database()
        self.vsctl("--no-wait", "init")
        self.start(first=True)
        self.vsctl("add-br", "br-tun", "--", "set", "bridge", "br-tun",
                   "datapath_type=netdev",
                   *(word for i, peer in enumerate(peers)
                     for word in ("--", "add-port", "br-tun", f"vx{i}", "--",
                                  "set", "interface", f"vx{i}", "type=vxlan",
                                  f"options:remote_ip={peer.address}",
                                  "bfd:enable=true", f"bfd:min_rx={BFD_MS}",
                                  f"bfd:min_tx={BFD_MS}")))
        return self

    def start(self, *, first=False):
        """After kill() too: the bridges come back, their addresses do not."""
        self.vswitchd.start()
        if first:
            self.make_underlay_bridge()
        else:
            self.set_underlay_address()

    def kill(self):
        """Dies, as in a crash: nothing says goodbye to anybody."""
        self.vswitchd.kill()
