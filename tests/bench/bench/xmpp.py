# SPDX-License-Identifier: Apache-2.0
"""The XMPP library, measured by tests/bench/xmpp-bench*.c.  Rates are for each
second of processor time of the thread that does the work: what it could do
with a core of its own."""

import functools
import json
import statistics
import subprocess

from bench import Context, Result, progress
from lab import LabError

# Every run takes at least a second.
N_DECODE = 400000
N_ENCODE = 200000
N_MEMORY = 1000000
N_IDENTITIES = 512
# Two rounds of keepalives.
IDLE_S = 60
# For a run that hangs: one of "idle" may take 125 s.
TIMEOUT_S = 600

CASES = {
    "decode": "EVPN routes of a control node into the table, 32 a message",
    "encode": "EVPN routes published: made and written to a socket",
    "memory": f"held for each of {N_MEMORY} EVPN routes, one control node",
    "memory-2": f"held for each of {N_MEMORY} EVPN routes, of two control "
                "nodes that both have it",
    "config": "configuration of 4000 networks and 20000 interfaces, loaded",
    "idle": f"share of a core for {N_IDENTITIES} idle identities with two "
            "control nodes each",
    "idle-memory": f"resident for each of {N_IDENTITIES} idle identities with "
                   "two control nodes each",
}


def run_program(context, program, *args):
    """One run.  Returns its findings."""
    command = [context.build_dir / "tests/bench" / program, *map(str, args)]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True,
                              timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise LabError(f"{' '.join(map(str, command))} did not end within "
                       f"{TIMEOUT_S} s") from None
    if done.returncode:
        raise LabError(f"{' '.join(map(str, command))} failed")
    return json.loads(done.stdout)


def several(context, key, *args, program="xmpp-bench"):
    """Runs it as often as asked for.  Returns the median of 'key', and all
    runs' findings."""
    runs = []

    def once():
        runs.append(run_program(context, program, *args))
        return runs[-1][key]

    median, _ = context.rounds({"ours": once})["ours"]
    return median, runs


def span(runs, key, digits=0):
    """What the runs say about 'key', for a note."""
    values = [run[key] for run in runs]
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def decode(context):
    rate, runs = several(context, "per_cpu_s", "decode", N_DECODE)
    return Result("routes/CPU-s", rate, note=(
        f"{N_DECODE} routes of {runs[0]['bytes']:.0f} bytes of XML in 100 "
        "networks, fed to the session as a socket gives them; routes/s of "
        f"processor time {span(runs, 'per_cpu_s')}, of the clock "
        f"{span(runs, 'per_wall_s')}; the same routes once more "
        f"{span(runs, 'again_per_cpu_s')}"))


def encode(context):
    rate, runs = several(context, "per_cpu_s", "encode", N_ENCODE)
    return Result("routes/CPU-s", rate, note=(
        f"{N_ENCODE} pairs of publish and collection, "
        f"{runs[0]['bytes']:.0f} bytes each, in 100 networks, over loopback "
        "to a process that reads; routes/s of processor time, the kernel's "
        f"included, {span(runs, 'per_cpu_s')}, of the clock "
        f"{span(runs, 'per_wall_s')}"))


def memory(context, n_nodes):
    held, runs = several(context, "resident", "memory", N_MEMORY, n_nodes)
    return Result("bytes/route", held, note=(
        "growth of the resident set, XML buffers included; after the "
        f"allocator gave back what it can {span(runs, 'trimmed')}; as the "
        f"limit of the table counts it {span(runs, 'counted')}"))


def config(context):
    load_s, runs = several(context, "load_s", program="xmpp-bench-config")
    return Result("CPU-s", load_s, note=(
        f"{runs[0]['n_stanzas']} stanzas of together {runs[0]['bytes']} bytes "
        f"into the graph, {span(runs, 'n_views')} views built meanwhile, the "
        f"longest in {span(runs, 'longest_view_ms')} ms; "
        f"{span(runs, 'heap')} bytes held; a view after one change of a VNI "
        f"{span(runs, 'vni_ms', 3)} ms, with one more interface "
        f"{span(runs, 'server_ms', 3)} ms, after a change of the IPAM of all "
        f"networks {span(runs, 'ipam_ms')} ms"))


@functools.cache
def idle_runs(build_dir, n_rounds):
    """The runs of the two cases "idle", which take minutes."""
    progress(f"  {IDLE_S} s a round")
    return several(Context(build_dir, n_rounds), "share", "idle",
                   N_IDENTITIES, IDLE_S)[1]


def idle(context):
    runs = idle_runs(context.build_dir, context.n_rounds)
    share = statistics.median(run["share"] for run in runs)
    return Result("% of a core", 100 * share, note=(
        f"{IDLE_S} s with hold time 90 s; the busiest second, in which most "
        "keepalives go both ways, takes "
        f"{1000 * max(run['peak_s'] for run in runs):.0f} ms"))


def idle_memory(context):
    runs = idle_runs(context.build_dir, context.n_rounds)
    held = statistics.median(run["resident_later"] for run in runs)
    return Result("bytes/identity", held, note=(
        f"growth of the resident set, {IDLE_S} s after all sessions came up; "
        f"at once {span(runs, 'resident')}; no configuration, no routes"))


def run(case, context):
    return {
        "decode": decode,
        "encode": encode,
        "memory": lambda c: memory(c, 1),
        "memory-2": lambda c: memory(c, 2),
        "config": config,
        "idle": idle,
        "idle-memory": idle_memory,
    }[case](context)
