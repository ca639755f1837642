# SPDX-License-Identifier: Apache-2.0
"""A switch with many learnt MACs connects: they become routes."""

import statistics
import time

from bench import Result, progress
from bench._ovsdb import SwitchDatabase
from bench._site import LISTEN, NODES, Site, cpu_seconds, mac, peak_rss, rss
from lab import wait_until

N_MACS = 100000
N_NETWORKS = 100
VNI = 5000
PATIENCE_S = 300

CASES = {
    "rate": f"{N_MACS} MACs from the connect of the switch until each of two "
            "control nodes has all routes",
    "rate-cpu": "the same for each second of processor time of the agent",
    "memory": "growth of the resident set for each MAC",
}


def n_routes(site, controller):
    """What the agent has published to it."""
    return sum(session["routes"] for session in site.tsnctl(
        controller, "status")["sessions"])


def fill(site, db, agent):
    """The switch gets its networks from the agent, and its MACs while it is
    not connected."""
    agent.start()
    db.connect_to(f"tcp:{LISTEN}")
    wait_until(lambda: len(db.networks()) == N_NETWORKS, PATIENCE_S,
               "the switch's networks", log=agent.log)
    site.wait_served(agent)
    db.disconnect_from(f"tcp:{LISTEN}")
    agent.stop()
    networks = db.networks()
    for n, name in enumerate(sorted(networks)):
        db.learn(networks[name],
                 [mac(i) for i in range(n, N_MACS, N_NETWORKS)])


def measure(context):
    """One run."""
    with Site(context) as site:
        db = SwitchDatabase(site, "tor1", "10.0.0.1").start()
        controllers = site.controllers({
            "networks": [{"name": f"net{i}", "vni": VNI + i}
                         for i in range(N_NETWORKS)], "tsns": [],
            "switches": [{"name": "tor1", "vtep": db.vtep, "ports": [
                {"name": "p1", "vlan": i + 1, "network": f"net{i}"}
                for i in range(N_NETWORKS)]}]})
        agent = site.agent([{"name": "tor1"}])
        fill(site, db, agent)
        agent.start()
        wait_until(lambda: is_waiting(site, agent), PATIENCE_S,
                   "two control nodes", log=agent.log)

        held, cpu = rss(agent), cpu_seconds(agent)
        start = time.monotonic()
        db.connect_to(f"tcp:{LISTEN}")
        for controller in controllers:
            wait_until(lambda c=controller: n_routes(site, c) >= N_MACS,
                       PATIENCE_S, f"{N_MACS} routes", log=agent.log,
                       interval=0.05)
        took = time.monotonic() - start
        cpu = cpu_seconds(agent) - cpu
        site.wait_served(agent)
        found = {"rate": N_MACS / took, "rate-cpu": N_MACS / cpu,
                 "memory": (rss(agent) - held) / N_MACS,
                 "peak": (peak_rss(agent) - held) / N_MACS}
        progress(f"    {took:.2f} s, processor time {cpu:.2f} s, "
                 f"{found['memory']:.0f} bytes a MAC, at most "
                 f"{found['peak']:.0f}")
        return found


def is_waiting(site, agent):
    """Whether all is there but the switch."""
    sessions = site.tor(agent)["xmpp"]["sessions"]
    return (len(sessions) == len(NODES)
            and all(session.get("synced") for session in sessions)
            and site.tor(agent)["networks"] == N_NETWORKS)


def run(case, context):
    found = context.runs(measure, "rate")
    values = [run[case] for run in found]
    unit = {"rate": "routes/s", "rate-cpu": "routes/CPU-s",
            "memory": "bytes/MAC"}[case]
    peak = statistics.median(run["peak"] for run in found)
    return Result(unit, statistics.median(values), note=(
        f"{len(found)} runs, {min(values):.0f} to {max(values):.0f}; the "
        "ovsdb-server's snapshot and its reading included, a route counts "
        "once it is at both nodes; two tsn-controllers and the ovsdb-server "
        f"on the same two cores; at most {peak:.0f} bytes/MAC more than "
        "before"))
