# SPDX-License-Identifier: Apache-2.0
"""A small data centre in network namespaces: software switches with an OVSDB
server each, bare-metal servers behind them, a compute host with a virtual
machine, and the tsn services.  scripts/demo, the system tests and the
benchmarks are written on top of it.  See docs/lab.md."""

from .base import LabError, run, wait_until
from .lab import Lab
from .switch import FakeSwitch
from .traffic import Pinger, Sniffer, count_broadcast

__all__ = ["FakeSwitch", "Lab", "LabError", "Pinger", "Sniffer",
           "count_broadcast", "run", "wait_until"]
