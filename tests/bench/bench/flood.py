# SPDX-License-Identifier: Apache-2.0
"""How many copies of broadcasts a core makes, against the kernel's own VXLAN
replication.  Frames come in over a veth as fast as the receiving side takes
them; the copies leave through a veth, where an XDP program counts and drops
them, or for the kernel also through an ifb, which frees them at once: its best
sink, as a veth's ring overflows.  Sender on one core, replicator on another,
but for eBPF, which floods where the frame is taken in: there one core sends,
floods and takes the copies.  Before each measurement there is one broadcast
whose copies are looked at."""

import contextlib
import json
import secrets
import socket
import struct
import subprocess
import time
from pathlib import Path

from bench import Result
from lab.base import LabError
from lab.base import run as run_command
from lab.netns import Namespace, connect
from lab.state import TAG, State

FANOUTS = (1, 4, 16, 64, 256, 1000)
INNERS = (100, 1400)
ENGINES = ("ebpf", "ebpf-generic", "socket")
CASES = {f"{engine}/fanout={n}/inner={size}":
         f"{engine} engine, broadcasts of {size} bytes to {n} endpoints"
         for engine in ENGINES for n in FANOUTS for size in INNERS}

SENDER, GATE, OUT, SINK = "10.1.0.1", "10.1.0.2", "10.2.0.1", "10.2.0.2"
FIRST = "10.3.0.1"              # Of the endpoints.
VNI = 100
# A burst reaches its full rate within the lead; then the window is measured.
LEAD_S = 1.0
WINDOW_S = 2.0
WAIT_S = 10
SENDER_CORE, NODE_CORE = "0", "1"


def endpoint(i):
    first = struct.unpack("!I", socket.inet_aton(FIRST))[0]
    return socket.inet_ntoa(struct.pack("!I", first + i))


class Program:
    """A flood-bench that runs in a namespace until it is told to end."""

    def __init__(self, site, namespace, core, *argv):
        self.process = subprocess.Popen(
            namespace.argv("env", f"{TAG}={site.state.name}", "taskset", "-c",
                           core, site.program, *argv),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        if self.process.stdout.readline().strip() != "ready":
            raise LabError(f"'flood-bench {' '.join(map(str, argv))}' does "
                           "not start")

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def end(self):
        """Returns what it says at its end."""
        try:
            return self.process.communicate(timeout=WAIT_S)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise LabError("flood-bench does not end") from None


class Site:
    """Sender, replicator and sink, each in a namespace of its own.  With
    'sink' "ifb" the last has nothing to do."""

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
        self.gen_ns.ip("addr", "add", f"{SENDER}/24", "dev", "g0")
        self.node_ns.ip("addr", "add", f"{GATE}/24", "dev", "in0")
        self.node_ns.ip("addr", "add", f"{OUT}/24", "dev", "out0")
        mac = (self.mac(self.sink_ns, "s0") if self.sink == "veth"
               else "02:00:00:00:05:05")
        self.node_ns.ip("neigh", "replace", SINK, "lladdr", mac, "dev",
                        "out0", "nud", "permanent")
        self.node_ns.ip("route", "add", "10.3.0.0/16", "via", SINK, "dev",
                        "out0")

    @staticmethod
    def mac(namespace, interface):
        link = json.loads(namespace.ip("-j", "link", "show", interface))
        return link[0]["address"]

    def statistic(self, name):
        link = json.loads(self.node_ns.ip("-j", "-s", "link", "show", "out0"))
        return link[0]["stats64"]["rx"][name]


def start_kernel(site, fanout):
    """The kernel as it floods best: from one VXLAN device through a bridge to
    another, on a core that does nothing else."""
    ns = site.node_ns
    for argv in (
            ("add", "vxi", "type", "vxlan", "id", VNI, "dstport", "4789",
             "nolearning", "noudpcsum"),
            ("add", "vxo", "type", "vxlan", "id", "200", "dstport", "4789",
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
    ns.run("ethtool", "-K", "in0", "gro", "on")
    ns.run("sh", "-c", "echo 1 >/sys/class/net/in0/threaded")
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        threads = [comm.parent.name for comm in Path("/proc").glob(
            "[0-9]*/comm") if read(comm).startswith("napi/in0-")]
        if threads:
            for pid in threads:
                run_command("taskset", "-pc", NODE_CORE, pid)
            return
    raise LabError("the kernel has no thread for in0")


def read(path):
    with contextlib.suppress(OSError):
        return path.read_text()
    return ""


def check_sample(site, fanout, vni):
    """One broadcast arrives at each endpoint once, whole."""
    sniffer = site.sink_ns.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                  socket.htons(0x0800))
    sender = site.gen_ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sniffer, sender:
        sniffer.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE.
        sniffer.bind(("s0", 0x0800))
        sniffer.settimeout(WAIT_S)
        sender.bind((SENDER, 0))
        inner = b"\xff" * 6 + bytes.fromhex("02000000000288b5") + b"sample" * 8
        sender.sendto(struct.pack("!II", 0x08000000, VNI << 8) + inner,
                      (GATE, 4789))
        wanted = {endpoint(i) for i in range(fanout)}
        while wanted:
            packet = sniffer.recv(2048)[14:]
            if packet[9] != 17 or packet[22:24] != b"\x12\xb5":
                continue
            header = struct.unpack("!10H", packet[:20])
            total = sum(header)
            vxlan = struct.unpack("!II", packet[28:36])
            if (total + (total >> 16)) & 0xffff != 0xffff:
                raise LabError("a copy has a wrong checksum")
            if vxlan != (0x08000000, vni << 8) or packet[36:] != inner:
                raise LabError("a copy is not what was sent")
            target = socket.inet_ntoa(packet[16:20])
            if target not in wanted:
                raise LabError(f"{target} got a copy too many")
            wanted.discard(target)


def measure_rate(site, inner, count):
    """Copies/s that 'count' sees in the window."""
    sender = subprocess.Popen(
        site.gen_ns.argv("env", f"{TAG}={site.state.name}", "taskset", "-c",
                         SENDER_CORE, site.program, "send", SENDER, GATE,
                         inner, int(LEAD_S + WINDOW_S + 1)),
        stdout=subprocess.DEVNULL)
    try:
        time.sleep(LEAD_S)
        start, before = time.monotonic(), count()
        time.sleep(WINDOW_S)
        end, after = time.monotonic(), count()
    finally:
        sender.wait(timeout=WAIT_S)
    return (after - before) / (end - start)


def run_ours(context, engine, fanout, inner, findings):
    with Site(context, "veth") as site:
        if engine == "ebpf":
            # A veth takes frames of XDP only if its peer polls.
            site.gen_ns.run("ethtool", "-K", "g0", "gro", "on")
            site.sink_ns.run("ethtool", "-K", "s0", "gro", "on")
        node = Program(site, site.node_ns, NODE_CORE, "node", engine, GATE,
                       SENDER, FIRST, fanout)
        check_sample(site, fanout, VNI)
        counter = Program(site, site.sink_ns, NODE_CORE, "count", "s0")
        rate = measure_rate(site, inner, counter.ask)
        found = json.loads(node.end())
        if found["engine"] != engine:
            raise LabError(f"the engine is {found['engine']}")
        findings.append(found)
        counter.end()
        return rate


def run_kernel(context, sink, fanout, inner):
    with Site(context, sink) as site:
        start_kernel(site, fanout)
        if sink == "ifb":
            return measure_rate(site, inner,
                                lambda: site.statistic("packets"))
        check_sample(site, fanout, 200)
        counter = Program(site, site.sink_ns, NODE_CORE, "count", "s0")
        rate = measure_rate(site, inner, counter.ask)
        counter.end()
        return rate


def run_case(engine, fanout, inner, context):
    findings = []
    found = context.rounds({
        "ours": lambda: run_ours(context, engine, fanout, inner, findings),
        "kernel/veth": lambda: run_kernel(context, "veth", fanout, inner),
        "kernel/ifb": lambda: run_kernel(context, "ifb", fanout, inner)})
    return Result(
        "copies/s", found["ours"][0],
        {peer: found[peer][0] for peer in ("kernel/veth", "kernel/ifb")},
        f"ours into a veth, as kernel/veth; {per_cpu(engine, findings)}"
        f"{sum(f['failed'] for f in findings)} refused by the host")


def per_cpu(engine, findings):
    """What a process that forwards itself says of its work."""
    if engine != "socket":
        return ""
    rates = sorted(f["copies"] / f["cpu_s"] for f in findings)
    return (f"{rates[0]:.0f} to {rates[-1]:.0f} copies per second of "
            "processor time; ")


def run(case, context):
    engine, fanout, inner = case.split("/")
    return run_case(engine, int(fanout.split("=")[1]),
                    int(inner.split("=")[1]), context)
