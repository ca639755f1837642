# SPDX-License-Identifier: Apache-2.0
"""What "tsnctl explain" says of a frame is what the replicator does with
it."""

import json
import subprocess
import uuid

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, CookedLinux, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw
from scapy.utils import PcapNgWriter, wrpcap

from lab import Sniffer, wait_until
from lab.lab import SANITIZER_ENV
from lab.traffic import send_broadcast

TOR1 = "10.0.0.1"
TOR2 = "10.0.0.2"
FRAME_FROM_TOR1 = ["--vni", "100", "--from", TOR1]
# The port of the fabric where the service node is plugged in.
TSN_PORT = "f1"


def tsnctl(lab, *argv, stdin=None):
    return subprocess.run(
        [lab.program("tsnctl"), "--run-dir", lab.run_dir, "explain",
         *map(str, argv)],
        capture_output=True, stdin=stdin, text=True, timeout=20,
        env=SANITIZER_ENV)


def explain(lab, *argv):
    done = tsnctl(lab, "--json", *argv)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def arp_request(lab, address, **kwargs):
    bms1 = lab.bms1
    return (Ether(dst="ff:ff:ff:ff:ff:ff", src=bms1.mac)
            / ARP(hwsrc=bms1.mac, psrc=bms1.address, pdst=address, **kwargs))


def outer(lab, inner, *, source=TOR1, vni=100):
    """The packet that a frame comes in, from its IP header on."""
    packet = (IP(src=source, dst=lab.tsn_address, ttl=64)
              / UDP(sport=50000, dport=4789, chksum=0)
              / VXLAN(flags=8, vni=vni) / inner)
    return IP(bytes(packet))


def steps(result):
    return [row["step"] for row in result["decisions"]]


def comparable(packet):
    """Without what the sender may choose: identification, source port."""
    ip = IP(packet)
    ip.id, ip.chksum = 0, 0
    ip[UDP].sport, ip[UDP].chksum = 0, 0
    return bytes(ip)


def packets_of(result, frame):
    """The packets that the copies are, put together of their headers."""
    packets = []
    for copy in result["copies"]:
        octets = "".join(header["hex"] for header in copy["headers"])
        assert copy["headers"][-1]["header"] in ("frame", "answer")
        if copy["headers"][-1]["header"] == "frame":
            octets += frame.hex()
        packet = bytes.fromhex(octets)
        assert len(packet) == copy["octets"]
        packets.append(packet)
    return packets


def flood(lab):
    """Has a server send a broadcast.  Returns the packet that comes to the
    service node, and those that leave it."""
    payload = f"broadcast {uuid.uuid4()}".encode()
    with Sniffer(lab.fabric, TSN_PORT, payload) as sniffer:
        send_broadcast(lab.bms1, payload)

        def seen():
            sniffer.collect()
            return len(sniffer.received) >= 2

        wait_until(seen, 10, "copies of a broadcast")
        (arrived,) = sniffer.sent
    return arrived[14:], [frame[14:] for frame in sniffer.received]


def as_hex(lab, path, arrived):
    return [arrived.hex()]


def as_ethernet_hex(lab, path, arrived):
    return [bytes(Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02")
                  / IP(arrived)).hex(":")]


def as_inner_hex(lab, path, arrived):
    inner = arrived[36:]
    # In two words, as if copied from a dump.
    return [*FRAME_FROM_TOR1, "0x" + inner[:10].hex(" "), inner[10:].hex()]


def as_pcap(lab, path, arrived):
    wrpcap(str(path), [Ether() / Dot1Q(vlan=7) / IP(arrived)])
    return ["--packet", "1", path]


def as_raw_pcap(lab, path, arrived):
    wrpcap(str(path), [IP(arrived)])
    return [path]


def as_cooked_pcap(lab, path, arrived):
    wrpcap(str(path), [CookedLinux(proto=0x0800) / IP(arrived)])
    return [path]


def as_pcapng(lab, path, arrived):
    writer = PcapNgWriter(str(path))
    writer.write(Ether() / IP(arrived))
    writer.close()
    return [path]


def as_inner_pcap(lab, path, arrived):
    wrpcap(str(path), [Ether(arrived[36:])])
    return [*FRAME_FROM_TOR1, path]


@pytest.mark.parametrize("form", [
    as_hex, as_ethernet_hex, as_inner_hex, as_pcap, as_raw_pcap,
    as_cooked_pcap, as_pcapng, as_inner_pcap])
def test_broadcast__explained__as_sent(lab, tmp_path, form):
    arrived, sent = flood(lab)
    result = explain(lab, *form(lab, tmp_path / "file", arrived))
    if "pcap" in form.__name__:
        (result,) = result
        assert result["packet"] == 1
    assert (result["fate"], result["network"].split(":")[-1],
            result["vni"]) == ("flood", "blue", 100)
    assert steps(result) == ["outer_taken", "vni", "source", "kind",
                             "flooded"]
    # "ebpf" and "ebpf-generic" know more than "socket".
    assert all(copy["mtu"] == "fits 1500" for copy in result["copies"])
    assert (["und0," in copy.get("way", "") for copy in result["copies"]]
            == [result["engine"] != "socket"] * len(sent))
    assert (sorted(map(comparable, packets_of(result, arrived[36:])))
            == sorted(map(comparable, sent)))
    assert ([(row["to"], row["why"]) for row in result["no_copy"]]
            == [(TOR1, "the frame came from there")])


def test_arp_request__for_a_vm__answer_in_full(lab):
    request = arp_request(lab, lab.vm.address)
    result = explain(lab, *FRAME_FROM_TOR1, bytes(request).hex())
    assert result["fate"] == "answer"
    assert steps(result)[-3:] == ["arp_known", "served_tor", "arp_answered"]
    (packet,) = packets_of(result, b"")
    reply = IP(packet)[VXLAN].payload
    assert (IP(packet).src, IP(packet).dst) == (lab.tsn_address, TOR1)
    assert (reply[ARP].op, reply[ARP].hwsrc, reply[ARP].psrc,
            reply.dst) == (2, lab.vm.mac, lab.vm.address, lab.bms1.mac)


def test_text__arp_request__every_decision(lab):
    done = tsnctl(lab, *FRAME_FROM_TOR1,
                  bytes(arp_request(lab, lab.vm.address)).hex())
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("fate:    answer", "RULE", "VNI 100 leads to a network",
                  f"an ARP request for {lab.vm.address}, whose MAC is known: "
                  f"{lab.vm.mac}",
                  f"answered to {TOR1} by vxlan",
                  "HEADER", f"{lab.tsn_address} > {TOR1}, DSCP 0, TTL 64"):
        assert words in done.stdout


def test_to__one_endpoint__what_it_gets(lab):
    frame = bytes(Ether(dst="ff:ff:ff:ff:ff:ff", src=lab.bms1.mac) / IP())
    result = explain(lab, *FRAME_FROM_TOR1, "--to", TOR2, frame.hex())
    assert [copy["to"] for copy in result["copies"]] == [TOR2]
    assert result["no_copy"] == []
    result = explain(lab, *FRAME_FROM_TOR1, "--to", TOR1, frame.hex())
    assert result["copies"] == []
    assert [row["to"] for row in result["no_copy"]] == [TOR1]


@pytest.mark.parametrize("frame,why", [
    (lambda lab: Ether(dst="ff:ff:ff:ff:ff:ff", src=lab.bms1.mac) / IP(),
     "it is no member of the network"),
    (lambda lab: arp_request(lab, lab.vm.address), "the frame is not flooded"),
])
def test_to__where_nothing_goes__says_why(lab, frame, why):
    result = explain(lab, *FRAME_FROM_TOR1, "--to", "10.0.0.77",
                     bytes(frame(lab)).hex())
    assert result["copies"] == []
    assert ([(row["to"], row["why"]) for row in result["no_copy"]]
            == [("10.0.0.77", why)])


def drops(lab):
    totals = lab.tsnctl("drops", as_json=True)
    return totals["invalid_mcast_source"]


def test_drop__stranger__not_counted(lab):
    before = drops(lab)
    result = explain(lab, "--vni", "100", "--from", "10.9.9.9",
                     bytes(arp_request(lab, lab.vm.address)).hex())
    assert (result["fate"], result["reason"]) == ("drop",
                                                  "invalid_mcast_source")
    assert steps(result)[-1] == "source_stranger"
    assert drops(lab) == before


@pytest.mark.parametrize("argv,step", [
    (["--vni", "999", "--from", TOR1], "vni_unknown"),
    (["--label", "17", "--from", TOR1], "label_unknown"),
    (["--label", "17", "--gre", "--from", TOR1], "label_unknown"),
    (["--vni", "100", "--from", "2001:db8::1"], "outer_address"),
])
def test_frame__of_no_network__last_decision(lab, argv, step):
    result = explain(lab, *argv,
                     bytes(arp_request(lab, lab.vm.address)).hex())
    assert steps(result)[-1] == step


def test_frame__from_ipv6_without_an_address__says_so(lab):
    result = explain(lab, "--vni", "100", "--from", "2001:db8::1", "02")
    assert result["decisions"][-1]["decision"] == (
        f"not to our address, {lab.tsn_address}, and we have none of IPv6 "
        "(address6)")


def test_packet__not_ours__left_to_the_host(lab):
    packet = outer(lab, arp_request(lab, lab.vm.address))
    packet.dst = "10.0.0.77"
    del packet.chksum
    result = explain(lab, bytes(packet).hex())
    assert result["fate"] == "left to the host"
    assert steps(result) == ["outer_address"]


def test_frame__of_jumbo_size__fits_a_request(lab):
    frame = (Ether(dst="ff:ff:ff:ff:ff:ff", src=lab.bms1.mac)
             / IP(src=lab.bms1.address, dst="255.255.255.255", flags="DF")
             / UDP(sport=1, dport=1) / Raw(b"x" * (9216 - 42)))
    result = explain(lab, *FRAME_FROM_TOR1, bytes(frame).hex())
    assert {copy["dropped"] for copy in result["copies"]} == {"jumbo_df"}
    assert "must not be fragmented" in result["copies"][0]["mtu"]


def test_relayed_frame__too_long__dropped_or_fragmented(lab):
    frame = bytes(Ether(dst=lab.vm.mac, src=lab.bms1.mac, type=0x88b5)
                  / Raw(b"x" * 2000))
    result = explain(lab, *FRAME_FROM_TOR1, frame.hex())
    assert steps(result)[-1] == "unicast_relayed"
    (copy,) = result["copies"]
    assert copy["mtu"] == ("more than 1500: fragmented by the host"
                           if result["engine"] == "socket"
                           else "more than 1500, so dropped: too_big")


def write_packets(lab, path):
    """A broadcast, what is no IP, and another broadcast."""
    packet = outer(lab, arp_request(lab, lab.vm.address))
    wrpcap(str(path), [Ether() / packet, Ether(type=0x88cc) / Raw(b"lldp"),
                       Ether() / packet])


def test_file__of_several__those_that_are_asked_for(lab, tmp_path):
    path = tmp_path / "file"
    write_packets(lab, path)
    assert ([(r["packet"], r["fate"]) for r in explain(lab, path)]
            == [(1, "answer"), (2, "left to the host"), (3, "answer")])
    (third,) = explain(lab, "--packet", 3, path)
    assert third["packet"] == 3

    done = tsnctl(lab, "-c", 2, path)
    assert done.returncode == 0
    assert done.stderr == (f"tsnctl: {path}: more packets than 2, see "
                           "--count\n")
    assert "packet 2:\n" in done.stdout and "packet 3:" not in done.stdout

    with open(path) as file:
        done = tsnctl(lab, "-", stdin=file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "packet 3:\n  fate:    answer" in done.stdout


@pytest.mark.parametrize("argv,message", [
    ([], "there is no frame"),
    (["4"], "half an octet at the end of hexadecimal digits, behind 0"),
    (["0x450"], "half an octet at the end of hexadecimal digits, behind 1"),
    (["45:0g"], "character 5 is no hexadecimal digit"),
    (["./nothing"], "No such file or directory"),
    (["--from", TOR1, "00"], "--vni or --label is missing"),
    (["--vni", "1", "00"], "--from is missing"),
    (["--vni", "1", "--label", "1", "--from", TOR1, "00"],
     "either --vni or --label"),
    (["--vni", "1", "--gre", "--from", TOR1, "00"], "--gre goes with"),
    (["--vni", "16777216", "--from", TOR1, "00"],
     "--vni: must be a number up to 16777215"),
    (["--label", "-1", "--from", TOR1, "00"],
     "--label: must be a number up to 1048575"),
    (["--vni", "1", "--from", "10.0.0", "00"],
     "--from: must be an IPv4 or IPv6 address"),
    (["--vni", "1", "--from", "a b", "00"], "--from is empty or has a blank"),
    (["--packet", "0", "00"], "--packet must be a number of at least 1"),
    (["00" * 16257], "16257 octets are more than the 16256"),
])
def test_error__says_what_is_wrong(lab, argv, message):
    done = tsnctl(lab, *argv)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("tsnctl: ")
    assert message in done.stderr
    assert done.stdout == ""


def cut_in_capture(lab, path):
    write_packets(lab, path)
    data = bytearray(path.read_bytes())
    # What was captured of the first packet is less than it was.
    size = int.from_bytes(data[36:40], "little")
    data[36:40] = (size + 5).to_bytes(4, "little")
    path.write_bytes(data)
    return [path], f"packet 1: only {size} of its {size + 5} octets"


def cut_file(lab, path):
    write_packets(lab, path)
    path.write_bytes(path.read_bytes()[:-5])
    return [path], "packet 3: truncated dump file"


def no_pcap(lab, path):
    path.write_text("no packets here, but some text\n")
    return [path], f"{path}: unknown file format"


def no_file(lab, path):
    return [path], f"tsnctl: {path}: No such file"


def too_long(lab, path):
    wrpcap(str(path), [Ether() / Raw(b"x" * 20), Ether() / Raw(b"x" * 16300)])
    return [*FRAME_FROM_TOR1, path], "packet 2: 16314 octets are more than"


def no_ethernet(lab, path):
    as_raw_pcap(lab, path, bytes(outer(lab, arp_request(lab, "192.0.2.9"))))
    return [*FRAME_FROM_TOR1, path], "instead of Ethernet"


def other_link(lab, path):
    wrpcap(str(path), [Raw(b"x" * 40)], linktype=105)
    return [path], "link type IEEE802_11 (105) instead of"


def too_few(lab, path):
    write_packets(lab, path)
    return ["--packet", 4, path], "there are 3 packets"


@pytest.mark.parametrize("make", [
    cut_in_capture, cut_file, no_pcap, no_file, too_long, no_ethernet,
    other_link, too_few])
def test_file__not_as_it_should_be__says_so(lab, tmp_path, make):
    argv, message = make(lab, tmp_path / "file")
    done = tsnctl(lab, *argv)
    assert done.returncode == 1
    assert message in done.stderr
