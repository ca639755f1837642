# SPDX-License-Identifier: Apache-2.0
"""Who asks for something during a storm: a switch sends broadcasts as fast as
they are taken, many times more than the socket engine can copy to 64
endpoints, while another one asks, by ARP and by DHCP, 100 times a second
each."""

import json
import statistics
import time

from bench import Result
from bench._flood_site import (FIRST, GATE, LEAD_S, MAX_BURST, NODE_CORE,
                               SENDER, SENDER_CORE, WAIT_S, Program, Site)

ASKER = "10.1.0.3"
FANOUT, INNER = 64, 100
ASK_S = 5
CASES = {
    "arp": "per cent of ARP requests that are answered",
    "dhcp": "per cent of DHCP messages that get to the service and back",
}


def measure(context):
    """One run: what was answered, in per cent, and what became of the
    storm."""
    with Site(context, "veth") as site:
        site.gen_ns.ip("addr", "add", f"{ASKER}/24", "dev", "g0")
        node = Program(site, site.node_ns, NODE_CORE, "answer", GATE, SENDER,
                       FIRST, FANOUT, ASKER)
        # Takes the copies, which is cheaper than to let them go astray.
        counter = Program(site, site.sink_ns, NODE_CORE, "count", "s0")
        storm = site.popen(site.gen_ns, SENDER_CORE, "send", "g0",
                           site.mac(site.node_ns, "in0"), SENDER, GATE, INNER,
                           MAX_BURST, int(LEAD_S + ASK_S + 1))
        time.sleep(LEAD_S)
        asker = site.popen(site.gen_ns, SENDER_CORE, "ask", ASKER, GATE,
                           ASK_S)
        found = json.loads(asker.communicate(timeout=ASK_S + WAIT_S)[0])
        storm.communicate(timeout=WAIT_S)
        counter.end()
        return {"arp": 100 * found["arp"] / found["asked"],
                "dhcp": 100 * found["dhcp"] / found["asked"],
                **json.loads(node.end())}


def run(case, context):
    found = context.runs(measure, "dhcp")
    values = [run[case] for run in found]
    last = found[-1]
    return Result("%", statistics.median(values), note=(
        f"{len(found)} runs, {min(values):.1f} to {max(values):.1f} %; "
        f"{last['overruns']} frames of the storm were lost as the engine was "
        f"busy flooding {last['flooded']}"))
