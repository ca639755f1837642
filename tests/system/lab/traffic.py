# SPDX-License-Identifier: Apache-2.0
"""Traffic to test with: counted frames, and pings that go on while something
is broken on purpose."""

import os
import select
import socket
import subprocess
import time
import uuid

from .base import LabError, wait_until
from .state import TAG

ETH_P_ALL = 0x0003
PORT = 9        # Discard: nobody answers.


class Sniffer:
    """Sees the frames of one interface that contain 'pattern'.  Frames that
    the machine sends itself are told apart."""

    def __init__(self, namespace, interface, pattern):
        self.pattern = pattern
        self.received = []
        self.sent = []
        self._socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                        socket.htons(ETH_P_ALL))
        self._socket.bind((interface, ETH_P_ALL))
        self._socket.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._socket.close()

    def fileno(self):
        return self._socket.fileno()

    def collect(self):
        """Takes in what has arrived."""
        while True:
            try:
                frame, address = self._socket.recvfrom(65536)
            except BlockingIOError:
                return
            if self.pattern in frame:
                outgoing = address[2] == socket.PACKET_OUTGOING
                (self.sent if outgoing else self.received).append(frame)


def collect_for(sniffers, seconds):
    """Lets the sniffers watch for a while."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        for sniffer in select.select(sniffers, [], [], left)[0]:
            sniffer.collect()


def send_broadcast(host, payload):
    """One UDP datagram to 255.255.255.255 out of the host's interface."""
    with host.ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                     host.interface.encode())
        s.sendto(payload, ("255.255.255.255", PORT))


def count_broadcast(sender, hosts, *, watch=1.0):
    """Sends one broadcast and returns how many copies each of 'hosts', and
    the sender, received within 'watch' seconds: {name: copies}.  The time is
    there to see the copies that should not be."""
    payload = f"broadcast {uuid.uuid4()}".encode()
    everyone = [sender, *hosts]
    sniffers = [Sniffer(host.ns, host.interface, payload)
                for host in everyone]
    try:
        send_broadcast(sender, payload)
        collect_for(sniffers, watch)
        if len(sniffers[0].sent) != 1:
            raise LabError(f"{sender.name} sent {len(sniffers[0].sent)} "
                           "broadcasts instead of one")
        return {host.name: len(sniffer.received)
                for host, sniffer in zip(everyone, sniffers)}
    finally:
        for sniffer in sniffers:
            sniffer.__exit__()


class Pinger:
    """Pings in the background, ten times a second, and notes when each answer
    came."""

    interval = 0.1

    def __init__(self, source, target):
        self.source = source
        self.target = target
        self.log = (source.lab.log_dir /
                    f"ping-{source.name}-{target.name}.log")

    def __enter__(self):
        state = self.source.lab.state
        argv = self.source.ns.argv("ping", "-n", "-D", "-O", "-W", "1", "-i",
                                   self.interval, self.target.address)
        with open(self.log, "wb") as log:
            self._popen = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | {TAG: state.name})
        state.add_process(self._popen.pid)
        return self

    def __exit__(self, *exc):
        self._popen.terminate()
        self._popen.wait()
        self.source.lab.state.drop_process(self._popen.pid)

    def answers(self):
        """The times (Unix) at which answers came."""
        return [float(line[1:line.index("]")])
                for line in self.log.read_text(errors="replace").splitlines()
                if line.startswith("[") and "bytes from" in line]

    def wait_answers(self, n, timeout, since=None):
        """Until 'n' answers in a row have come after 'since' (now), no ping
        between them lost.  Returns the time of the first of them."""
        since = time.time() if since is None else since

        def row():
            times = [t for t in self.answers() if t >= since]
            for i in range(len(times) - n + 1):
                if times[i + n - 1] - times[i] < (n + 1) * self.interval * 2:
                    return times[i]
            return None

        return wait_until(row, timeout,
                          f"{n} pings in a row from {self.source.name} to "
                          f"{self.target.name}", log=self.log)

    def longest_gap(self, since):
        """Seconds without an answer since 'since', the longest."""
        times = [since, *(t for t in self.answers() if t >= since),
                 time.time()]
        return max(b - a for a, b in zip(times, times[1:]))
