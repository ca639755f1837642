# SPDX-License-Identifier: Apache-2.0
"""Network namespaces and the veth pairs between them."""

import contextlib
import ctypes
import os
import socket

from .base import LabError, run
from .state import TAG

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, f"setns: {os.strerror(error)}")


class Namespace:
    """One network namespace, a machine of the lab."""

    def __init__(self, state, role):
        self.state = state
        self.role = role                        # "tor1"
        self.name = f"{state.name}-{role}"      # "tsn-tor1"

    def create(self):
        # Recorded first: a name too many in the record does no harm.
        self.state.add_namespace(self.name)
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        with self.entered():
            # Or router solicitations and the like disturb what tests count.
            with open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w") as f:
                f.write("1")
        return self

    def argv(self, *argv):
        """The command line that runs 'argv' in here, under its own pid."""
        return ["ip", "netns", "exec", self.name, *map(str, argv)]

    def run(self, *argv, env=None, **kwargs):
        env = {TAG: self.state.name} | (env or {})
        return run(*self.argv(*argv), env=env, **kwargs)

    def ip(self, *argv):
        return run("ip", "-n", self.name, *argv)

    @contextlib.contextmanager
    def entered(self):
        """The calling thread works in here."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            there = os.open(f"/run/netns/{self.name}",
                            os.O_RDONLY | os.O_CLOEXEC)
            try:
                _setns(there)
            finally:
                os.close(there)
            try:
                yield
            finally:
                _setns(home)
        finally:
            os.close(home)

    def socket(self, *args):
        """A socket that belongs to this namespace, wherever it is used."""
        with self.entered():
            return socket.socket(*args)

    def set_link(self, interface, up):
        self.ip("link", "set", interface, "up" if up else "down")


def connect(one, one_if, other, other_if):
    """A veth pair between two namespaces, both ends up.

    Without transmit checksum offload: a user-space datapath would pass on the
    unfinished checksums, and UDP would be dropped while pings get through."""
    run("ip", "link", "add", one_if, "netns", one.name, "type", "veth",
        "peer", "name", other_if, "netns", other.name)
    for namespace, interface in ((one, one_if), (other, other_if)):
        if len(interface) > 15:
            raise LabError(f"interface name '{interface}' is too long")
        namespace.set_link(interface, True)
        namespace.run("ethtool", "-K", interface, "tx", "off")
