# SPDX-License-Identifier: Apache-2.0
"""How long a site takes to come up."""

import time

from bench import Result, progress
from lab import Lab, Pinger

CASES = {
    "first-ping": "seconds from starting the services to the first ping "
                  "between servers",
}


def first_ping(context):
    """One bring-up.  The switches run already, their databases are empty, and
    the servers have static addresses: neither the speed of a switch's start
    nor that of a DHCP client is ours."""
    with Lab(context.build_dir) as lab:
        lab.make_underlay()
        lab.make_switches()
        lab.make_compute()
        for server in lab.servers:
            server.set_address(24)
        with Pinger(lab.bms1, lab.bms2) as pinger:
            start = time.time()
            lab.start_services()
            first = pinger.wait_answers(1, 60, since=start)
        return first - start


def run(case, context):
    progress("  network namespaces, two emulated switches, no DHCP")
    median, values = context.rounds(
        {"ours": lambda: first_ping(context)})["ours"]
    return Result("s", median, note=(
        "controller, tor-agent and replicator started at once; switches "
        "(ovs-vtep, which looks into its database once a second) already "
        "running; servers with static addresses; a ping every "
        f"{Pinger.interval} s; {len(values)} runs, "
        f"{min(values):.2f} to {max(values):.2f} s"))
