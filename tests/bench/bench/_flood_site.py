# SPDX-License-Identifier: Apache-2.0
"""Where flooding is measured: a sender, a node that floods, and a sink, each
in a network namespace of its own; what runs there; and how copies are looked
at and counted."""

import contextlib
import json
import secrets
import select
import socket
import struct
import subprocess
import time
from pathlib import Path

from lab.base import LabError, wait_until
from lab.base import run as run_command
from lab.netns import Namespace, connect
from lab.state import TAG, State

SENDER, GATE, OUT, SINK = "10.1.0.1", "10.1.0.2", "10.2.0.1", "10.2.0.2"
FIRST = "10.3.0.1"              # Of the endpoints.
VNI = 100
# A burst reaches its full rate within the lead; then the window is measured.
LEAD_S = 1.0
WINDOW_S = 2.0
WAIT_S = 10
START_S = 20                    # More than neighbours are waited for.
SENDER_CORE, NODE_CORE = "0", "1"
NO_MAC = "02:00:00:00:05:05"    # Of whom a sink without anybody stands for.
# Copies of a burst fit the ring of a veth; larger bursts than a driver takes
# at a time make no difference.
RING, MAX_BURST = 256, 64


def endpoint(i):
    first = struct.unpack("!I", socket.inet_aton(FIRST))[0]
    return socket.inet_ntoa(struct.pack("!I", first + i))


def pinned(core, *argv):
    """The command line of what takes part in a measurement, which others on
    this machine should not: neither by their priority nor, where each session
    gets its share, by their number."""
    return ["sh", "-c", "echo -20 2>/dev/null >/proc/self/autogroup; "
            "exec nice -n -20 taskset -c \"$@\"", "sh", core, *argv]


class Program:
    """A flood-bench that runs in a namespace until it is told to end."""

    def __init__(self, site, namespace, core, *argv):
        self.name = f"flood-bench {' '.join(map(str, argv))}"
        self.process = site.popen(namespace, core, *argv)
        if self.hear() != "ready":
            raise LabError(f"'{self.name}' is not ready")

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.hear())

    def hear(self):
        """The next line that it says."""
        if not select.select([self.process.stdout], [], [], START_S)[0]:
            raise LabError(f"'{self.name}' says nothing")
        line = self.process.stdout.readline()
        if not line:
            raise LabError(f"'{self.name}' has ended")
        return line.strip()

    def end(self):
        """Returns what it says at its end."""
        try:
            return self.process.communicate(timeout=WAIT_S)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise LabError(f"'{self.name}' does not end") from None


class Site:
    """The three namespaces.  With 'sink' "ifb" there is nobody in the last
    one, the node's way there ends at a device that frees what it is given."""

    def __init__(self, context, sink):
        self.program = context.build_dir / "tests/bench/flood-bench"
        self.sink = sink
        self.state = State(f"tsn-{secrets.token_hex(2)}")
        self.gen_ns, self.node_ns, self.sink_ns = (
            Namespace(self.state, role) for role in ("gen", "node", "sink"))

    def __enter__(self):
        self.state.create()
        try:
            self.set_up()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        self.state.tear_down()
        self.state.forget()

    def set_up(self):
        for namespace in (self.gen_ns, self.node_ns, self.sink_ns):
            namespace.create()
        connect(self.gen_ns, "g0", self.node_ns, "in0")
        if self.sink == "veth":
            connect(self.node_ns, "out0", self.sink_ns, "s0")
            self.sink_ns.ip("link", "set", "s0", "mtu", "1600")
        else:
            self.node_ns.ip("link", "add", "out0", "type", "ifb")
        self.gen_ns.ip("link", "set", "g0", "mtu", "1600")
        for interface in ("in0", "out0"):
            self.node_ns.ip("link", "set", interface, "mtu", "1600", "up")
        # As of any real interface: or sockets would sum up what they copy.
        self.node_ns.run("ethtool", "-K", "out0", "tx", "on")
        # A veth takes frames of XDP, as the sender's are, only if its peer
        # polls.
        self.node_ns.run("ethtool", "-K", "in0", "gro", "on")
        self.gen_ns.ip("addr", "add", f"{SENDER}/24", "dev", "g0")
        self.gen_ns.ip("neigh", "replace", GATE, "lladdr",
                       self.mac(self.node_ns, "in0"), "dev", "g0", "nud",
                       "permanent")
        self.node_ns.ip("addr", "add", f"{GATE}/24", "dev", "in0")
        self.node_ns.ip("addr", "add", f"{OUT}/24", "dev", "out0")
        self.node_ns.ip("neigh", "replace", SINK, "lladdr", self.sink_mac(),
                        "dev", "out0", "nud", "permanent")
        self.node_ns.ip("route", "add", "10.3.0.0/16", "via", SINK, "dev",
                        "out0")

    @staticmethod
    def mac(namespace, interface):
        link = json.loads(namespace.ip("-j", "link", "show", interface))
        return link[0]["address"]

    def sink_mac(self):
        return self.mac(self.sink_ns, "s0") if self.sink == "veth" else NO_MAC

    def popen(self, namespace, core, *argv):
        """Starts a flood-bench."""
        return subprocess.Popen(
            namespace.argv("env", f"{TAG}={self.state.name}",
                           *pinned(core, self.program, *argv)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, start_new_session=True)

    def poll_by_thread(self):
        """Frames from the sender are taken in by a thread on the node's
        core."""
        self.node_ns.run("sh", "-c", "echo 1 >/sys/class/net/in0/threaded")
        threads = wait_until(
            lambda: [comm.parent.name
                     for comm in Path("/proc").glob("[0-9]*/comm")
                     if _read(comm).startswith("napi/in0-")],
            WAIT_S, "the kernel's thread for in0")
        for pid in threads:
            run_command("taskset", "-pc", NODE_CORE, pid)
            run_command("renice", "-n", "-20", "-p", pid)

    def send_one(self, payload):
        """A frame of VXLAN, through the stack of the sender."""
        with self.gen_ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((SENDER, 0))
            sender.sendto(struct.pack("!II", 0x08000000, VNI << 8) + payload,
                          (GATE, 4789))


def _read(path):
    with contextlib.suppress(OSError):
        return path.read_text()
    return ""


INNER = b"\xff" * 6 + bytes.fromhex("02000000000288b5") + b"sample" * 8


def check_sample(site, fanout, vni):
    """One broadcast arrives at each endpoint once, whole."""
    sniffer = site.sink_ns.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                  socket.htons(0x0800))
    with sniffer:
        sniffer.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE.
        sniffer.bind(("s0", 0x0800))
        sniffer.settimeout(WAIT_S)
        site.send_one(INNER)
        wanted = {endpoint(i) for i in range(fanout)}
        while wanted:
            try:
                packet = sniffer.recv(2048)[14:]
            except TimeoutError:
                raise LabError(f"{len(wanted)} of {fanout} endpoints got no "
                               "copy") from None
            if packet[9] == 17 and packet[22:24] == b"\x12\xb5":
                wanted.remove(_check_copy(packet, vni, wanted))


def _check_copy(packet, vni, wanted):
    """Returns whom an IP packet is for."""
    total = sum(struct.unpack("!10H", packet[:20]))
    vxlan = struct.unpack("!II", packet[28:36])
    if (total + (total >> 16)) & 0xffff != 0xffff:
        raise LabError("a copy has a wrong checksum")
    if vxlan != (0x08000000, vni << 8) or packet[36:] != INNER:
        raise LabError("a copy is not what was sent")
    target = socket.inet_ntoa(packet[16:20])
    if target not in wanted:
        raise LabError(f"{target} got a copy too many")
    return target


def measure_rate(site, fanout, inner, count):
    """Copies/s that 'count' sees in the window."""
    burst = max(1, min(MAX_BURST, RING // fanout))
    sender = site.popen(
        site.gen_ns, SENDER_CORE, "send", "g0", site.mac(site.node_ns, "in0"),
        SENDER, GATE, inner, burst, int(LEAD_S + WINDOW_S + 1))
    try:
        time.sleep(LEAD_S)
        if sender.poll() is not None:
            raise LabError("the sender does not send")
        start, before = time.monotonic(), count()
        time.sleep(WINDOW_S)
        end, after = time.monotonic(), count()
    finally:
        sender.communicate(timeout=WAIT_S)
    return (after - before) / (end - start)


def measure_at_sink(site, fanout, inner):
    """The same of what a veth brings."""
    counter = Program(site, site.sink_ns, NODE_CORE, "count", "s0")
    rate = measure_rate(site, fanout, inner, counter.ask)
    counter.end()
    return rate


def measure_at_ifb(site, fanout, inner):
    """The same of what an ifb has freed."""
    def count():
        link = json.loads(site.node_ns.ip("-j", "-s", "link", "show", "out0"))
        return link[0]["stats64"]["rx"]["packets"]

    return measure_rate(site, fanout, inner, count)
