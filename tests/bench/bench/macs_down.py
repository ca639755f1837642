# SPDX-License-Identifier: Apache-2.0
"""Remote MACs into the empty database of a switch, and how OVN's
ovn-controller-vtep does the same from its own southbound database."""

import functools
import statistics
import time

from bench import Context, Result, progress
from bench._ovsdb import Ovsdb, SwitchDatabase
from bench._site import NODES, Site, cpu_seconds, mac, peak_rss
from lab import LabError, wait_until

N_MACS = 100000
N_NETWORKS = 100
N_HOSTS = 100
VNI = 5000
SWITCH_VTEP = "10.0.0.1"
SWITCH_ADDRESS = "127.0.1.1"
OVN_SCHEMA = "/usr/share/ovn/ovn-sb.ovsschema"

# A row of Ucast_Macs_Remote has four columns, its uuid and its version.
CELLS_PER_MAC = 6
# After which nothing more is expected.
QUIET_S = 0.5

PEER = "ovn-controller-vtep"
TCP = "ours/tcp"

CASES = {
    "time": f"from the start of the agent to {N_MACS} rows in "
            "Ucast_Macs_Remote",
    "memory": f"resident at most while it writes {N_MACS} rows",
    "time-tls": "as 'time' with TLS between agent and switch, against TCP",
}


def vtep(host):
    return f"10.1.0.{host + 1}"


def wait_rows(db, cells):
    """Until the database has 'cells' and has been quiet.  Returns when it
    last changed."""
    last = {"cells": 0, "time": 0.0}

    def written():
        # The answer comes after a transaction that is under way.
        found, now = db.n_cells(), time.monotonic()
        if found != last["cells"]:
            last.update(cells=found, time=now)
        return found >= cells and now - last["time"] > QUIET_S

    wait_until(written, 600, f"{N_MACS} rows in Ucast_Macs_Remote",
               interval=0.02)
    return last["time"]


def measure(context, prepare, tls=False):
    """One run.  'prepare' makes what the process works with, and returns it,
    not started."""
    with Site(context) as site:
        ours, theirs = site.certificates() if tls else (None, None)
        db = SwitchDatabase(site, "tor1", SWITCH_VTEP, SWITCH_ADDRESS,
                            theirs).start()
        worker = prepare(site, db, ours)
        cells = db.n_cells() + N_MACS * CELLS_PER_MAC
        start = time.monotonic()
        server_cpu = cpu_seconds(db.process)
        worker.start()
        end = wait_rows(db, cells)
        found = {"s": end - start, "bytes": peak_rss(worker),
                 "cpu_s": cpu_seconds(worker),
                 "server_cpu_s": cpu_seconds(db.process) - server_cpu}
        n = db.count("Ucast_Macs_Remote")
        if n != N_MACS:
            raise LabError(f"{worker.name} wrote {n} rows, not {N_MACS}")
        progress(f"    processor time {found['cpu_s']:.2f} s, of its database "
                 f"server {found['server_cpu_s']:.2f} s")
        return found


def topology():
    """What tsn-controller knows: every MAC is behind some host, every network
    on the switch."""
    networks = [{"name": f"net{i}", "vni": VNI + i}
                for i in range(N_NETWORKS)]
    ports = [{"name": "p1", "vlan": i + 1, "network": f"net{i}"}
             for i in range(N_NETWORKS)]
    hosts = [{"name": f"host{h}", "vtep": vtep(h), "machines": [
        {"network": f"net{i % N_NETWORKS}", "mac": mac(i)}
        for i in range(h, N_MACS, N_HOSTS)]} for h in range(N_HOSTS)]
    return {"networks": networks, "hosts": hosts, "tsns": [], "switches": [
        {"name": "tor1", "vtep": SWITCH_VTEP, "ports": ports}]}


def prepare_ours(site, db, tls):
    site.controllers(topology(), NODES[:1])
    return site.agent([{"name": "tor1", "ovsdb": db.remote}], NODES[:1], tls)


def prepare_ovn(site, db, _tls):
    """OVN leaves the networks of a switch to its operator, so they are there
    already."""
    db.transact([{"op": "insert", "table": "Logical_Switch",
                  "row": {"name": f"net{i}"}} for i in range(N_NETWORKS)])
    db.transact([{"op": "update", "table": "Physical_Port", "where": [],
                  "row": {"vlan_bindings": ["map", [
                      [int(name[3:]) + 1, uuid]
                      for name, uuid in db.networks().items()]]}}])

    sb = Ovsdb(site, "sb", OVN_SCHEMA).start()
    sb.insert_one("SB_Global", {})
    chassis = []
    for h in range(N_HOSTS):
        encap = [{"op": "insert", "table": "Encap", "uuid-name": "e",
                  "row": {"type": "vxlan", "ip": vtep(h),
                          "chassis_name": f"host{h}"}},
                 {"op": "insert", "table": "Chassis", "row": {
                     "name": f"host{h}", "hostname": f"host{h}",
                     "encaps": ["named-uuid", "e"]}}]
        chassis.append(sb.transact(encap)[1]["uuid"])
    datapaths = [sb.insert_one("Datapath_Binding", {"tunnel_key": VNI + i})
                 for i in range(N_NETWORKS)]
    sb.insert("Port_Binding", [
        {"logical_port": f"tor1-net{i}", "type": "vtep",
         "datapath": datapaths[i], "tunnel_key": 1,
         "options": ["map", [["vtep-physical-switch", "tor1"],
                             ["vtep-logical-switch", f"net{i}"]]]}
        for i in range(N_NETWORKS)])
    sb.insert("Port_Binding", [
        {"logical_port": f"vm{i}", "datapath": datapaths[i % N_NETWORKS],
         "tunnel_key": i // N_NETWORKS + 2, "mac": mac(i),
         "chassis": chassis[i % N_HOSTS]} for i in range(N_MACS)])
    return site.process(PEER, [
        PEER, f"--vtep-db={db.unix}", f"--ovnsb-db={sb.unix}",
        "-vconsole:warn", "-vsyslog:off"],
        env={"OVN_RUNDIR": str(sb.dir), "OVS_RUNDIR": str(sb.dir)})


@functools.cache
def runs(build_dir, n_rounds, contenders):
    """All that was measured, by contender."""
    context = Context(build_dir, n_rounds)
    makers = {"ours": (prepare_ours, False), PEER: (prepare_ovn, False),
              TCP: (prepare_ours, False), "ours/tls": (prepare_ours, True)}
    found = {name: [] for name in contenders}

    def once(name):
        prepare, tls = makers[name]
        found[name].append(measure(context, prepare, tls))
        return found[name][-1]["s"]

    context.rounds({name: functools.partial(once, name)
                    for name in contenders})
    return found


def median(found, key):
    return statistics.median(run[key] for run in found)


def span(found, key, digits=1):
    values = [run[key] for run in found]
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


SETTING = (f"{N_NETWORKS} networks, {N_HOSTS} VTEPs, tsn-controller or OVN's "
           "southbound database on the same two cores as everything else")


def against_ovn(context, key, unit):
    found = runs(context.build_dir, context.n_rounds, ("ours", PEER))
    said = "; ".join(
        f"{name} took {span(found[name], 's')} s, processor time "
        f"{span(found[name], 'cpu_s')} s, its ovsdb-server "
        f"{span(found[name], 'server_cpu_s')} s" for name in found)
    return Result(unit, median(found["ours"], key),
                  {PEER: median(found[PEER], key)}, f"{SETTING}; {said}")


def time_tls(context):
    found = runs(context.build_dir, context.n_rounds, (TCP, "ours/tls"))
    said = "; ".join(f"{name} {span(found[name], 's')} s"
                     for name in found)
    return Result("s", median(found["ours/tls"], "s"),
                  {TCP: median(found[TCP], "s")}, f"{SETTING}; {said}")


def run(case, context):
    return {
        "time": lambda c: against_ovn(c, "s", "s"),
        "memory": lambda c: against_ovn(c, "bytes", "bytes"),
        "time-tls": time_tls,
    }[case](context)
