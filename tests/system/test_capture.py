# SPDX-License-Identifier: Apache-2.0
"""Captures of both engines, while somebody sends what is dropped: the files
are read by tcpdump and scapy."""

import contextlib
import os
import signal
import socket
import struct
import subprocess

import pytest
import yaml
from scapy.layers.inet import IP, UDP
from scapy.utils import PcapNgReader

from lab import run, wait_until
from lab.lab import SANITIZER_ENV
from lab.netns import Namespace
from lab.process import Process
from lab.state import TAG

TIMEOUT = 30
VNI = 100
NODES = {"socket": "10.0.0.100", "ebpf-generic": "10.0.0.101"}
STRANGER = "10.0.0.3"
FRAME = bytes.fromhex("ffffffffffff 02bb00000001 88b5") + bytes(50)
INNER = "02:bb:00:00:00:01 > ff:ff:ff:ff:ff:ff type=88b5 size=64"


def comment_of(reason, network, vni=VNI):
    return (f"{network} vni={vni} from={STRANGER} class=stranger by=vxlan "
            f"action=drop reason={reason}")


class Node:
    """A replicator, and somebody whom it does not know."""

    def __init__(self, lab, engine, stranger):
        self.lab = lab
        self.engine = engine
        self.address = NODES[engine]
        self.dir = lab.state.dir / engine
        self._stranger = stranger

    def argv(self, *words):
        return [str(word) for word in (self.lab.program("tsnctl"), "--run-dir",
                                       self.dir, *words)]

    def tsnctl(self, *words, ok=(0,)):
        return run(*self.argv(*words), ok=ok, env=SANITIZER_ENV)

    def send(self, vni, frame=FRAME):
        self.send_to(4789, bytes.fromhex(f"08000000{vni:06x}00") + frame)

    def send_to(self, port, payload):
        with self._stranger.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((STRANGER, 50000))
            s.sendto(payload, (self.address, port))

    @contextlib.contextmanager
    def capture(self, *words):
        """"tsnctl capture", which has begun when this comes back."""
        path = self.dir / "capture.pcapng"
        path.unlink(missing_ok=True)
        process = subprocess.Popen(
            self.argv("capture", "-w", path, *words), stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
            env=os.environ | SANITIZER_ENV | {TAG: self.lab.state.name})
        try:
            wait_until(lambda: path.exists() and path.stat().st_size, TIMEOUT,
                       "the beginning of the capture")
            yield process, path
        finally:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def nodes(new_lab):
    lab = new_lab
    lab.make_underlay()
    namespaces = {"socket": lab.tsn_ns,
                  "ebpf-generic": Namespace(lab.state, "tsn2").create()}
    lab.plug(namespaces["ebpf-generic"], NODES["ebpf-generic"])
    stranger = Namespace(lab.state, "stranger").create()
    lab.plug(stranger, STRANGER)

    def start(name, namespace, program, config):
        directory = lab.state.dir / name
        directory.mkdir()
        path = directory / "config.yaml"
        path.write_text(yaml.safe_dump(config))
        process = Process(namespace, name,
                          [lab.program(program), "--config", path,
                           "--run-dir", directory],
                          lab.log_dir / f"{name}.log", env=SANITIZER_ENV)
        lab.services[name] = process
        process.start()

    start("tsn-controller", lab.controller_ns, "tsn-controller", {
        "name": "ctrl1", "listen": "0.0.0.0:5269",
        "networks": [{"name": "blue", "vni": VNI, "id": 7}],
        "switches": [{"name": "tor1", "vtep": "10.0.0.1", "agent": "tor1-agent",
                      "ports": [{"name": "p1", "network": "blue"}]}],
        "tsns": [{"name": engine, "address": address}
                 for engine, address in NODES.items()]})
    for engine, address in NODES.items():
        start(engine, namespaces[engine], "tsn-replicator", {
            "controllers": [lab.controller_address],
            "replicator": {"name": engine, "address": address,
                           "engine": engine, "labels": "5000-5999"}})
    nodes = {engine: Node(lab, engine, stranger) for engine in NODES}
    for node in nodes.values():
        wait_until(lambda: "blue" in node.tsnctl("show", "networks",
                                                 ok=(0, 1)),
                   TIMEOUT, f"a network of {node.engine}")
    wait_until(lambda: "xdp" in namespaces["ebpf-generic"].ip(
        "link", "show", "und0"), TIMEOUT, "the programs")
    return nodes


@pytest.fixture(params=list(NODES))
def node(request, nodes):
    return nodes[request.param]


def end(process, how=signal.SIGINT):
    """Returns what the command said in the end."""
    process.send_signal(how)
    _, said = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, said
    return said


def read(path):
    with PcapNgReader(str(path)) as reader:
        return list(reader)


def comments(path):
    """What each packet has for a comment, which scapy 2.5 reads only if there
    is the end of a line in it."""
    data, found = path.read_bytes(), []
    while data:
        kind, size = struct.unpack_from("=II", data)
        assert struct.unpack_from("=I", data, size - 4)[0] == size
        block, data = data[8:size - 4], data[size:]
        if kind == 6:
            stored, = struct.unpack_from("=I", block, 12)
            options = block[20 + (stored + 3) // 4 * 4:]
            code, size = struct.unpack_from("=HH", options)
            assert code == 1
            found.append(options[4:4 + size].decode())
    return found


def test_capture__drops_of_a_stranger__file_with_reasons(node):
    with node.capture("--drops", "--count", 2) as (process, path):
        node.send(VNI)
        node.send(999)
        _, said = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert said == ("2 frames and 0 dropped copies captured, 0 lost because "
                    "they came faster than they were read\n")

    packets = read(path)
    assert comments(path) == [
        comment_of("invalid_mcast_source", "blue"),
        comment_of("invalid_vnid", "no network", 999)]
    for packet in packets:
        assert (packet[IP].src, packet[IP].dst) == (STRANGER, node.address)
        assert packet[IP].proto == 17 and packet[IP].len == len(packet) - 14
        assert (packet[UDP].sport, packet[UDP].dport) == (50000, 4789)
        assert bytes(packet)[50:] == FRAME
    lines = run("tcpdump", "-nr", path).splitlines()
    lines = [line for line in lines if "VXLAN" in line]
    assert len(lines) == 2
    assert f"IP {STRANGER}.50000 > {node.address}.4789: VXLAN" in lines[0]
    assert "vni 100" in lines[0] and "vni 999" in lines[1]


def test_capture__filters__only_what_they_say(node):
    with node.capture("--drops=invalid_vnid", "--from", STRANGER,
                      "--snaplen", 60) as (process, path):
        node.send(VNI)
        node.send(1)
        node.send(VNI)
        node.send(2)
        wait_until(lambda: len(read(path)) == 2, TIMEOUT, "two packets")
        said = end(process)
    assert said.startswith("2 frames and 0 ")
    assert [bytes(p)[46:49] for p in read(path)] == [b"\0\0\1", b"\0\0\2"]
    assert [(len(p), p.wirelen) for p in read(path)] == [(60, 114)] * 2

    with node.capture("--network", "blue") as (process, path):
        node.send(1)
        node.send(VNI)
        wait_until(lambda: len(read(path)) == 1, TIMEOUT, "a packet")
        end(process, signal.SIGTERM)
    assert comments(path) == [comment_of("invalid_mcast_source", "blue")]


def test_capture__label_stack__the_label_that_counts(node):
    with node.capture("--drops=invalid_label") as (process, path):
        for skipped in ([], [0xfffff << 12 | 64]):
            node.send_to(6635, struct.pack(f">{len(skipped) + 1}I", *skipped,
                                           17 << 12 | 0x140) + FRAME)
        wait_until(lambda: len(read(path)) == 2, TIMEOUT, "two packets")
        end(process)
    assert comments(path) == 2 * [
        f"no network label=17 from={STRANGER} class=stranger by=mpls-udp "
        "action=drop reason=invalid_label"]


def test_capture__wrong_filter__says_so(node):
    for words, problem in ((["--network", "red"], "no such network"),
                           (["--drops=whatever"], "not a reason"),
                           (["--from", "nobody"], "not an address"),
                           (["--snaplen", "0"], "not a number of octets")):
        argv = node.argv("capture", *words)
        done = subprocess.run(argv, capture_output=True, text=True,
                              env=os.environ | SANITIZER_ENV, timeout=TIMEOUT)
        assert done.returncode == 1 and problem in done.stderr, done.stderr


def test_capture__no_room_for_the_file__says_so(node):
    done = subprocess.run(node.argv("capture", "-w", "/dev/full"),
                          capture_output=True, text=True,
                          env=os.environ | SANITIZER_ENV, timeout=TIMEOUT)
    assert done.returncode == 1
    assert "tsnctl: /dev/full: No space left on device\n" in done.stderr


def test_capture__file_cannot_be_opened__leaves_none_behind(node, tmp_path):
    node.send(VNI)
    for words, status, problem in (
            (["-w", tmp_path], 1, f"tsnctl: {tmp_path}: Is a directory\n"),
            (["-w", tmp_path], 1, f"tsnctl: {tmp_path}: Is a directory\n"),
            (["--seconds", "1"], 0, "lost because")):
        done = subprocess.run(node.argv("capture", *words),
                              capture_output=True, text=True,
                              env=os.environ | SANITIZER_ENV, timeout=TIMEOUT)
        assert done.returncode == status and problem in done.stderr, done


def test_capture__stray_word__named(node):
    done = subprocess.run(node.argv("capture", "-d", "no_member"),
                          capture_output=True, text=True,
                          env=os.environ | SANITIZER_ENV, timeout=TIMEOUT)
    assert done.returncode == 2
    assert done.stderr.startswith('tsnctl: "no_member" is no option; the '
                                  "reason of drops is given as --drops=")


def test_capture__without_file__a_line_each(node):
    process = subprocess.Popen(
        node.argv("capture", "--count", 1), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=os.environ | SANITIZER_ENV)
    try:
        # There is no sign that it has begun: frames until it has seen one.
        wait_until(lambda: node.send(VNI) or process.poll() is not None,
                   TIMEOUT, "the end of the capture")
        line, said = process.communicate()
    finally:
        process.kill()
        process.communicate()
    assert line.endswith(f" {comment_of('invalid_mcast_source', 'blue')} "
                         f"{INNER}\n")
    assert said.startswith("1 frames and 0 ")


def test_capture__client_killed__another_one_may(node):
    with node.capture() as (process, _):
        argv = node.argv("capture", "--count", 1)
        done = subprocess.run(argv, capture_output=True, text=True,
                              env=os.environ | SANITIZER_ENV, timeout=TIMEOUT)
        assert done.returncode == 1
        assert "one capture at a time" in done.stderr
    assert process.returncode == -signal.SIGKILL

    def again():
        done = subprocess.run(node.argv("capture", "--seconds", 1),
                              capture_output=True, text=True,
                              env=os.environ | SANITIZER_ENV, timeout=TIMEOUT)
        return done.returncode == 0

    wait_until(again, TIMEOUT, "the next capture")
    with open(node.lab.log_dir / f"{node.engine}.log") as log:
        assert "a capture ends, as nobody reads it" in log.read()


def test_drops__of_a_network__its_own(node):
    node.send(VNI)
    node.send(1)

    def counted():
        drops = yaml.safe_load(node.tsnctl("drops", "blue"))
        return drops["invalid_mcast_source"] and not drops["invalid_vnid"]

    wait_until(counted, TIMEOUT, "drops of the network")
    assert yaml.safe_load(node.tsnctl("drops"))["invalid_vnid"]
    node.tsnctl("drops", "red", ok=(1,))
