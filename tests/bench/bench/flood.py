# SPDX-License-Identifier: Apache-2.0
"""How many copies of broadcasts a core makes, against the kernel's own VXLAN
replication and Open vSwitch in user space, and what a change of flood sets
costs.

Frames come in over a veth as fast as the receiving side takes them.  The
copies leave through a veth, where an XDP program counts and drops them.  The
peers may also give theirs to an ifb, which frees them at once: their best
sink.  Sender on one core, replicator on another, but for eBPF, which floods
where the frame is taken in: there one core sends, floods and takes the copies.
So does the kernel as "inline", and loses less at the veth.
Before each measurement there is one broadcast whose copies are looked at."""

import json
import statistics

from bench import Result
from bench._flood_peers import run_kernel, run_ovs
from bench._flood_site import (FIRST, GATE, INNER, NODE_CORE, SENDER, VNI,
                               WAIT_S, Program, Site, check_sample,
                               measure_at_sink)
from lab.base import LabError

FANOUTS = (1, 4, 16, 64, 256, 1000)
INNERS = (100, 1400)
ENGINES = ("ebpf", "ebpf-generic", "socket")
CHANGE_FANOUT, N_CHANGES = 1000, 21
NETWORKS, MEMBERS = 4000, 64
CHANGE = f"change/fanout={CHANGE_FANOUT}"
LOAD = f"load/networks={NETWORKS}/members={MEMBERS}"
MEMORY = f"memory/networks={NETWORKS}/members={MEMBERS}"
CASES = {f"{engine}/fanout={n}/inner={size}":
         f"{engine} engine, broadcasts of {size} bytes to {n} endpoints"
         for engine in ENGINES for n in FANOUTS for size in INNERS}
CASES |= {
    CHANGE: "until frames meet a set that has one member more",
    LOAD: "until frames meet so many networks, of which there was none",
    MEMORY: "what the kernel keeps for the maps of so many networks",
}


def run_ours(context, engine, fanout, inner, findings):
    with Site(context, "veth") as site:
        if engine == "ebpf":
            # A veth takes frames of XDP only if its peer polls.
            site.gen_ns.run("ethtool", "-K", "g0", "gro", "on")
            site.sink_ns.run("ethtool", "-K", "s0", "gro", "on")
        node = Program(site, site.node_ns, NODE_CORE, "node", engine, GATE,
                       SENDER, FIRST, fanout)
        check_sample(site, fanout, VNI)
        rate = measure_at_sink(site, fanout, inner)
        found = json.loads(node.end())
        check_engine(found, engine)
        findings.append(found)
        return rate


def check_engine(found, engine):
    if found["engine"] != engine:
        raise LabError(f"the engine is {found['engine']}")


def run_rate(engine, fanout, inner, context):
    findings = []
    run_ovs(context, "veth", fanout, inner)
    found = context.rounds({
        "ours": lambda: run_ours(context, engine, fanout, inner, findings),
        "kernel/veth": lambda: run_kernel(context, "veth", fanout, inner),
        "kernel/veth/inline": lambda: run_kernel(context, "veth", fanout,
                                                 inner, inline=True),
        "kernel/ifb": lambda: run_kernel(context, "ifb", fanout, inner),
        "ovs/ifb": lambda: run_ovs(context, "ifb", fanout, inner)})
    return Result(
        "copies/s", found["ours"][0],
        {peer: value for peer, (value, _) in found.items() if peer != "ours"},
        f"ours into a veth, as kernel/veth; {per_cpu(engine, findings)}"
        f"{sum(f['failed'] for f in findings)} refused by the host")


def per_cpu(engine, findings):
    """What a process that forwards itself says of its work."""
    if engine != "socket":
        return ""
    rates = sorted(f["copies"] / f["cpu_s"] for f in findings)
    return (f"{rates[0]:.0f} to {rates[-1]:.0f} copies per second of "
            "processor time; ")


def prepare_change(site):
    """For programs to be attached in the driver."""
    site.gen_ns.run("ethtool", "-K", "g0", "gro", "on")
    site.sink_ns.run("ethtool", "-K", "s0", "gro", "on")


def measure_change(context):
    """Microseconds to add a member, the median of some.  In between it goes
    again, and each time a frame shows that the set is what it should be."""
    times = []
    with Site(context, "veth") as site:
        prepare_change(site)
        node = Program(site, site.node_ns, NODE_CORE, "change", GATE, SENDER,
                       FIRST, CHANGE_FANOUT)
        copies = 0
        for i in range(2 * N_CHANGES):
            more = 1 - i % 2
            us = node.ask()
            # Returns when it is flooded: the sender's core does it.
            site.send_one(INNER)
            before, copies = copies, node.ask()
            if copies - before != CHANGE_FANOUT + more:
                raise LabError(f"a frame had {copies - before} copies, not "
                               f"{CHANGE_FANOUT + more}")
            if more:
                times.append(us)
        node.end()
    return statistics.median(times)


def run_change(context):
    found = context.rounds({"ours": lambda: measure_change(context)})
    median, values = found["ours"]
    return Result("us", float(median), note=f"{min(values):.0f} to "
                  f"{max(values):.0f}, each the median of {N_CHANGES}")


def measure_load(context):
    with Site(context, "veth") as site:
        prepare_change(site)
        process = site.popen(site.node_ns, NODE_CORE, "load", GATE, SENDER,
                             FIRST, NETWORKS, MEMBERS)
        text = process.communicate(timeout=WAIT_S)[0]
    if process.returncode:
        raise LabError("the networks do not load")
    found = json.loads(text)
    check_engine(found, "ebpf")
    return found


def run_load(case, context):
    unit = "s" if case == LOAD else "bytes"
    values = [found[unit] for found in context.runs(measure_load, "s")]
    return Result(unit, statistics.median(values),
                  note=f"{min(values)} to {max(values)}")


def run(case, context):
    if case == CHANGE:
        return run_change(context)
    if case in (LOAD, MEMORY):
        return run_load(case, context)
    engine, fanout, inner = case.split("/")
    return run_rate(engine, int(fanout.split("=")[1]),
                    int(inner.split("=")[1]), context)
