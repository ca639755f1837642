# SPDX-License-Identifier: Apache-2.0
"""Top-of-rack switches: Open vSwitch's VTEP emulator, and a mere database for
tests that need no data to flow."""

import json

from .base import LabError, run, wait_until
from .netns import Namespace, connect
from .process import Process

SHARE = "/usr/share/openvswitch"
OVSDB_PORT = 6640


def _decode(value):
    """An OVSDB value as JSON has it (RFC 7047, 5.1) into Python's."""
    if isinstance(value, list):
        kind, content = value
        if kind == "set":
            return [_decode(item) for item in content]
        if kind == "map":
            return {_decode(k): _decode(v) for k, v in content}
        return content                          # "uuid"
    return value


def _ls_name(tables, row):
    return tables["Logical_Switch"][row["logical_switch"]]["name"]


class FakeSwitch:
    """An ovsdb-server with a hardware_vtep database, no more: the control
    plane of a switch.  Ports and learnt MACs are written by the test."""

    databases = ("vtep",)

    def __init__(self, lab, name, address, ports=()):
        self.lab = lab
        self.name = name
        self.address = address
        self.ports = list(ports)
        # The Physical_Switches of the database, with their tunnel addresses.
        self.members = {name: address}
        self.ns = Namespace(lab.state, name)
        # The databases' unix socket is in here, and such names are short.
        self.dir = lab.state.dir / name
        self.remote = f"tcp:{address}:{OVSDB_PORT}"
        self.settings = {}      # More keys of its entry in "tors".
        self._socket = f"unix:{self.dir}/db.sock"
        self.ovsdb = Process(self.ns, f"{name} ovsdb-server",
                             self._ovsdb_argv(), self._log("ovsdb-server"),
                             env=self.env)

    @property
    def env(self):
        return {"OVS_RUNDIR": str(self.dir), "OVS_DBDIR": str(self.dir),
                "OVS_LOGDIR": str(self.dir), "OVS_SYSCONFDIR": str(self.dir)}

    @property
    def processes(self):
        """In the order of their start."""
        return [self.ovsdb]

    def create(self):
        """Makes the switch, running."""
        self._create_database()
        for member in self.members:
            for port in self.ports:
                self.vtep_ctl("add-port", member, port)
        return self

    def _create_database(self):
        self.ns.create()
        self.dir.mkdir()
        for name in self.databases:
            run("ovsdb-tool", "create", self.dir / f"{name}.db",
                self.schema_file(name))
        self._plug()
        self.start_database()
        for member, address in self.members.items():
            self.vtep_ctl("add-ps", member, "--", "set", "Physical_Switch",
                          member, f"tunnel_ips={address}",
                          f"management_ips={address}")

    def schema_file(self, name):
        """What database 'name' is made from."""
        schema = {"vtep": "vtep", "conf": "vswitch"}[name]
        return f"{SHARE}/{schema}.ovsschema"

    def start_database(self):
        self.ovsdb.start()
        wait_until(self._answers, 10, f"the database of {self.name}",
                   log=self.ovsdb.log)

    def cut_connections(self):
        """Resets every TCP connection to the database at once, without the
        programs at either end having a say."""
        self.ns.run("ss", "-K", "state", "established", "sport", "=",
                    f":{OVSDB_PORT}")

    def vtep_ctl(self, *argv):
        return self._ctl("vtep-ctl", *argv).strip()

    def learn(self, network, mac):
        """What a switch writes when it has heard a server."""
        self.vtep_ctl("add-ucast-local", network, mac, self.address)

    def forget(self, network, mac):
        self.vtep_ctl("del-ucast-local", network, mac)

    def transact(self, *operations):
        """Somebody else writes (RFC 7047, 5.2): the switch itself, or a
        foreign hand."""
        text = run("ovsdb-client", "--timeout=10", "transact", self._socket,
                   json.dumps(["hardware_vtep", *operations]))
        problems = [r for r in json.loads(text) if r and "error" in r]
        if problems:
            raise LabError(f"{self.name} refuses {operations}: {problems}")

    def locator(self, vtep):
        """What refers to a VTEP in a transact(), and what has to be done in
        it before: a list of operations, then the reference."""
        for row in self.rows("Physical_Locator"):
            if row["dst_ip"] == vtep:
                return [], ["uuid", row["_uuid"]]
        return [{"op": "insert", "table": "Physical_Locator",
                 "uuid-name": "l",
                 "row": {"encapsulation_type": "vxlan_over_ipv4",
                         "dst_ip": vtep}}], ["named-uuid", "l"]

    def tables(self):
        """hardware_vtep as of one moment: the rows of each table by uuid."""
        dump = run("ovsdb-client", "--timeout=10", "-f", "json", "dump",
                   self._socket, "hardware_vtep")
        tables = {}
        for table in map(json.loads, filter(None, dump.splitlines())):
            rows = [dict(zip(table["headings"], map(_decode, row)))
                    for row in table["data"]]
            name = table["caption"].removesuffix(" table")
            tables[name] = {row["_uuid"]: row for row in rows}
        return tables

    def rows(self, table):
        """The rows of a table: a list of dicts."""
        return list(self.tables()[table].values())

    def remote_macs(self):
        """Ucast_Macs_Remote as {(logical switch, MAC): VTEP}."""
        tables = self.tables()
        return {(_ls_name(tables, row), row["MAC"]):
                tables["Physical_Locator"][row["locator"]]["dst_ip"]
                for row in tables["Ucast_Macs_Remote"].values()}

    def flood_rows(self):
        """Mcast_Macs_Remote as {(logical switch, MAC): set of VTEPs}."""
        tables = self.tables()

        def addresses(row):
            locators = tables["Physical_Locator_Set"][row["locator_set"]]
            members = locators["locators"]
            members = members if isinstance(members, list) else [members]
            return {tables["Physical_Locator"][member]["dst_ip"]
                    for member in members}

        return {(_ls_name(tables, row), row["MAC"]): addresses(row)
                for row in tables["Mcast_Macs_Remote"].values()}

    def _plug(self):
        """The underlay, with the switch's tunnel address."""
        self.lab.plug(self.ns, self.address)

    def _ovsdb_argv(self):
        return ["ovsdb-server", f"--remote=p{self._socket}",
                f"--remote=ptcp:{OVSDB_PORT}",
                "--remote=db:hardware_vtep,Global,managers",
                f"--unixctl={self.dir}/ovsdb.ctl", "-vconsole:info",
                "-vsyslog:off",
                *(f"{self.dir}/{name}.db" for name in self.databases)]

    def _answers(self):
        return "hardware_vtep" in run("ovsdb-client", "--timeout=2",
                                      "list-dbs", self._socket)

    def _ctl(self, program, *argv):
        return self.ns.run(program, "--timeout=15", f"--db={self._socket}",
                           *argv, env=self.env)

    def _log(self, program):
        return self.lab.log_dir / f"{self.name}-{program}.log"


class Switch(FakeSwitch):
    """A working switch: ovs-vswitchd with the user-space datapath, and
    ovs-vtep, which does in software what a switch's firmware does with the
    hardware_vtep database."""

    databases = ("conf", "vtep")

    def __init__(self, lab, name, address, ports=()):
        # ovs-vtep makes interface names such as "tor1_vtep_ls1" and
        # "0000-p1-p", which the kernel limits to 15 characters.
        if len(name) > 6 or any(len(port) > 7 for port in ports):
            raise LabError(f"switch '{name}': names of switches may have 6 "
                           "characters, those of ports 7")
        super().__init__(lab, name, address, ports)
        self.vswitchd = Process(
            self.ns, f"{name} ovs-vswitchd",
            ["ovs-vswitchd", f"--unixctl={self.dir}/vswitchd.ctl",
             "-vconsole:info", "-vsyslog:off", self._socket],
            self._log("ovs-vswitchd"), env=self.env)
        self.vtep = Process(
            self.ns, f"{name} ovs-vtep",
            ["/usr/bin/python3", f"{SHARE}/scripts/ovs-vtep",
             "-vconsole:info", "-vsyslog:off", name],
            self._log("ovs-vtep"), env=self.env)

    @property
    def processes(self):
        return [self.ovsdb, self.vswitchd, self.vtep]

    def create(self, servers=()):
        """Makes the switch, running, with 'servers' at its ports."""
        self._create_database()
        for server in servers:
            server.create()
            connect(server.ns, server.interface, self.ns, server.port)
            server.set_up_link()
            self._silence(server.port)
        self.vsctl("--no-wait", "init")
        self.vswitchd.start()
        self.make_underlay_bridge()
        # The bridge that is the switch has its name.
        self.vsctl("add-br", self.name, "--", "set", "bridge", self.name,
                   "datapath_type=netdev",
                   *(word for port in self.ports
                     for word in ("--", "add-port", self.name, port)))
        self.vtep.start()
        self.wait_ports()
        return self

    def make_underlay_bridge(self):
        # The tunnel's source address must be on a bridge of the datapath.
        # Its MAC is set here as tunnels only match the one at creation.
        last = int(self.address.rsplit(".", 1)[1])
        self.vsctl("add-br", "br-phy", "--", "set", "bridge", "br-phy",
                   "datapath_type=netdev",
                   f"other-config:hwaddr=02:00:00:00:00:{last:02x}", "--",
                   "add-port", "br-phy", "und0")
        self.set_underlay_address()

    def set_underlay_address(self):
        self.ns.ip("address", "replace", f"{self.address}/24", "dev",
                   "br-phy")
        self.ns.set_link("br-phy", True)

    def wait_ports(self):
        """Until ovs-vtep has put the ports into the database, which it does
        in its loop of one second."""
        wait_until(lambda: set(self.ports) <= set(self.vtep_ctl(
                       "list-ports", self.name).split()),
                   20, f"the ports of {self.name} in its database",
                   log=self.vtep.log)

    def vsctl(self, *argv):
        return self._ctl("ovs-vsctl", *argv).strip()

    def restart_database(self):
        """kill -9 of ovsdb-server, and its start.  ovs-vtep does not survive
        the loss of its database, so it starts again too, as a switch's
        supervisor would see to."""
        self.ovsdb.kill()
        self.vtep.kill()
        self.start_database()
        self.vtep.start()

    def restart_vtep(self):
        """kill -9 of ovs-vtep, and its start.  This rebuilds all flow tables,
        which also is the way to get rid of the flows that it leaves behind
        for tunnels that are gone."""
        self.vtep.kill()
        self.vtep.start()

    def _plug(self):
        self.lab.plug(self.ns, None)
        self._silence("und0")

    def _silence(self, interface):
        # The kernel also sees the frames that the datapath taps from this
        # interface.  It would answer ARP for br-phy's address with this
        # interface's MAC, and tunnel traffic to that MAC is lost.
        self.ns.ip("link", "set", interface, "arp", "off")

