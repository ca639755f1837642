# SPDX-License-Identifier: Apache-2.0
"""The TOR agent between a real OVSDB server and the recorded bytes of a live
control node: the rows are those that the reference TOR agent wrote, the
routes those that it published (recording 14)."""

import json
import re
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

RECORDING = (Path(__file__).parent.parent / "wire/recordings"
             / "14-real-tor-agent-relay.xml")
VN1 = "Contrail-628706f3-1422-5720-b020-b46a8470985f"
VN2 = "Contrail-fef6f7a2-3920-5509-90d9-0dec7350db37"
TSN = "127.0.1.3"
TIMEOUT = 20


def wait_until(condition, what):
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError(f"not within {TIMEOUT} s: {what}")


def server_blocks():
    """What the control node sent, by its time in the recording."""
    text = RECORDING.read_bytes()
    blocks = {}
    for match in re.finditer(rb"<!-- \[ *([0-9.]+)\] REAL SERVER => REAL CLIENT"
                             rb" \((\d+) bytes\) -->\n", text):
        size = int(match[2])
        blocks[float(match[1])] = text[match.end():match.end() + size]
    return blocks


class ControlNode:
    """Plays the recorded control node on loopback."""

    def __init__(self):
        self.blocks = server_blocks()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heard = b""
        self.connection = None
        self.n_sessions = 0
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.heard = b""
            self.connection = connection
            self.n_sessions += 1
            while True:
                try:
                    data = connection.recv(65536)
                except OSError:
                    break
                if not data:
                    break
                self.heard += data

    def expect(self, *patterns):
        """Waits until the client has sent each of them, in that order."""
        pattern = ".*?".join(re.escape(p) for p in patterns)
        wait_until(lambda: re.search(pattern, self.heard.decode(), re.S),
                   f"client sends {patterns}, heard: {self.heard[-4000:]}")

    def send(self, *times):
        for at in times:
            self.connection.sendall(self.blocks[at])

    def open(self):
        """Up to the configuration."""
        self.expect('<stream:stream from="tor-agent-1"')
        self.send(0.909)
        self.expect("<subscribe node=\"virtual-router:"
                    "default-global-system-config:tor-agent-1\"")
        self.send(0.953, 0.996)

    def hang_up(self):
        self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()

    def close(self):
        self.listener.close()
        if self.connection:
            self.connection.close()


class Database:
    """The hardware_vtep database of a switch that nobody forwards for."""

    def __init__(self, directory):
        self.socket = directory / "db.sock"
        database = directory / "vtep.db"
        subprocess.run(["ovsdb-tool", "create", database,
                        "/usr/share/openvswitch/vtep.ovsschema"], check=True)
        self.process = subprocess.Popen(
            ["ovsdb-server", "-vconsole:off",
             f"--unixctl={directory}/ovsdb.ctl",
             f"--remote=punix:{self.socket}", database])
        wait_until(self.socket.exists, "ovsdb-server listens")
        self.ctl("add-ps", "tor1", "--", "add-port", "tor1", "eth0", "--",
                 "add-port", "tor1", "eth1", "--", "set", "Physical_Switch",
                 "tor1", "tunnel_ips=127.0.2.1")

    def ctl(self, *argv):
        return subprocess.run(["vtep-ctl", f"--db=unix:{self.socket}", *argv],
                              check=True, stdout=subprocess.PIPE,
                              text=True).stdout

    def switches(self):
        return dict(re.findall(
            r'(Contrail-[0-9a-f-]+)"?,\s*(\d+)',
            self.ctl("--format=csv", "--no-headings",
                     "--columns=name,tunnel_key", "list", "Logical_Switch")))

    def bindings(self):
        return {int(vlan): ls for vlan, ls in re.findall(
            r"^0*(\d+) (\S+)$", self.ctl("list-bindings", "tor1", "eth0"),
            re.M)}

    def remote(self, ls):
        """MACs and their VTEPs, the flood row among them."""
        return dict(re.findall(
            r"^\s*(\S+) -> vxlan_over_ipv4/(\S+)$",
            self.ctl("list-remote-macs", ls), re.M))

    def stop(self):
        self.process.terminate()
        self.process.wait()


@pytest.fixture
def cloud(build_dir, tmp_path):
    node = ControlNode()
    database = agent = None
    try:
        database = Database(tmp_path)
        config = tmp_path / "tsn.yaml"
        config.write_text(f"""\
controllers: ["127.0.0.1:{node.port}"]
tor-agent:
  tsn: {TSN}
  tors:
  - name: tor1
    agent-name: tor-agent-1
    ovsdb: unix:{database.socket}
""")
        with open(tmp_path / "log", "wb") as log:
            agent = subprocess.Popen(
                [build_dir / "tor-agent/tsn-tor-agent", "--config", config,
                 "--run-dir", tmp_path], stderr=log)
        yield node, database
        assert agent.poll() is None, (tmp_path / "log").read_text()
        agent.terminate()
        assert agent.wait(TIMEOUT) == 0, (tmp_path / "log").read_text()
    finally:
        if agent and agent.poll() is None:
            agent.kill()
            agent.wait()
        if database:
            database.stop()
        node.close()


def expect_remote(database, ls, macs):
    wanted = {"unknown-dst": TSN, **macs}
    wait_until(lambda: database.remote(ls) == wanted,
               f"remote MACs {wanted}, there are {database.remote(ls)}")


def test_recorded_control_node__rows_and_routes_of_the_reference(cloud):
    node, database = cloud

    node.open()
    node.expect('<subscribe node="default-domain:admin:vn',
                '<subscribe node="default-domain:admin:vn')
    wait_until(lambda: database.switches() == {VN1: "5005", VN2: "5006"},
               f"logical switches, there are {database.switches()}")
    wait_until(lambda: database.bindings() == {100: VN1, 200: VN2},
               f"bindings, there are {database.bindings()}")
    expect_remote(database, VN1, {})
    expect_remote(database, VN2, {})

    # The switch learns, and announces where it wants floods.
    database.ctl("add-ucast-local", VN1, "02:00:00:00:01:01", "127.0.2.1")
    node.expect('<publish node="25/242/02:00:00:00:01:01,0.0.0.0/32">',
                "<ethernet-tag>5005</ethernet-tag>",
                "<address>127.0.2.1</address>",
                "<sequence-number>1</sequence-number>",
                "<local-preference>100</local-preference>",
                '<collection node="default-domain:admin:vn1:vn1">',
                '<associate node="25/242/02:00:00:00:01:01,0.0.0.0/32" />')
    node.send(12.76)
    database.ctl("add-mcast-local", VN1, "unknown-dst", "127.0.2.1")
    node.expect('<publish node="25/242/ff:ff:ff:ff:ff:ff,127.0.2.1/32">',
                "<address>127.0.2.1/32</address>",
                f"<replicator-address>{TSN}</replicator-address>",
                '<associate node="25/242/ff:ff:ff:ff:ff:ff,127.0.2.1/32" />')

    # Others announce, add an address, move, withdraw.
    node.send(18.777, 18.778)
    expect_remote(database, VN1, {"02:00:00:00:02:01": "127.0.2.2",
                                  "02:00:00:00:04:01": "127.0.1.4"})
    node.send(21.785, 23.881)
    expect_remote(database, VN1, {"02:00:00:00:02:01": "127.0.2.9",
                                  "02:00:00:00:04:01": "127.0.1.4"})
    node.send(26.928)
    expect_remote(database, VN1, {"02:00:00:00:04:01": "127.0.1.4"})

    # The switch forgets.
    database.ctl("del-ucast-local", VN1, "02:00:00:00:01:01")
    node.expect('<dissociate node="25/242/02:00:00:00:01:01,0.0.0.0/32" />')


def test_control_node_lost__rows_stay_and_all_is_told_again(cloud):
    node, database = cloud

    node.open()
    wait_until(lambda: database.bindings() == {100: VN1, 200: VN2},
               "bindings")
    node.expect('<subscribe node="default-domain:admin:vn',
                '<subscribe node="default-domain:admin:vn')
    database.ctl("add-ucast-local", VN1, "02:00:00:00:01:01", "127.0.2.1")
    node.expect('<associate node="25/242/02:00:00:00:01:01,0.0.0.0/32" />')
    node.send(18.777, 18.778)
    expect_remote(database, VN1, {"02:00:00:00:02:01": "127.0.2.2",
                                  "02:00:00:00:04:01": "127.0.1.4"})

    node.hang_up()
    wait_until(lambda: node.n_sessions == 2, "the agent connects again")
    node.open()
    node.expect('<subscribe node="default-domain:admin:vn1:vn1">',
                '<associate node="25/242/02:00:00:00:01:01,0.0.0.0/32" />')
    expect_remote(database, VN1, {"02:00:00:00:02:01": "127.0.2.2",
                                  "02:00:00:00:04:01": "127.0.1.4"})


def test_two_networks_on_a_vlan__are_counted_while_they_are(cloud, build_dir):
    """The count is of what is wrong now, not of how often it was seen."""
    node, database = cloud
    right = node.blocks.copy()

    def conflicts():
        answer = subprocess.run(
            [build_dir / "tsnctl/tsnctl", "--json", "--run-dir",
             database.socket.parent, "show", "tors"], check=True,
            stdout=subprocess.PIPE, text=True).stdout
        return json.loads(answer)["tors"][0]["binding_conflicts"]

    tag = b"<logical-interface-vlan-tag>%d</logical-interface-vlan-tag>"
    for at in (0.953, 0.996):
        node.blocks[at] = right[at].replace(tag % 200, tag % 100)
    node.open()
    wait_until(lambda: conflicts() == 1, "the conflict is seen")
    n = len(database.bindings())
    assert n == 1

    node.hang_up()
    wait_until(lambda: node.n_sessions == 2, "the agent connects again")
    node.open()
    node.expect('<subscribe node="default-domain:admin:vn1:vn1">')
    assert conflicts() == 1

    node.blocks.update(right)
    node.send(0.953, 0.996)
    wait_until(lambda: len(database.bindings()) == 2, "both are bound")
    assert conflicts() == 0
