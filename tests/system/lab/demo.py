# SPDX-License-Identifier: Apache-2.0
"""scripts/demo, from the point where the programs are built."""

import argparse
import os
import signal
import sys
import time

from .base import LabError
from .checks import check_broadcast, check_lease, check_ping
from .lab import Lab
from .state import State

# There is one on a machine, but for tests of the demonstration itself.
NAME = os.environ.get("TSN_DEMO_NAME", "tsn")
WIDTH = 57


class Failed(Exception):
    """A step went wrong and has said so."""


class Steps:
    """One line a step: what, its result, how long it took."""

    def __init__(self):
        self._start = time.monotonic()

    def __call__(self, what, function, *args, **kwargs):
        print(f"{what + ' ...':<{WIDTH}}", end="", flush=True)
        start = time.monotonic()
        try:
            result = function(*args, **kwargs)
        except LabError as error:
            print(f" FAILED {time.monotonic() - start:6.2f} s", flush=True)
            print(f"\nstep failed: {what}\n  {error}", flush=True)
            raise Failed from None
        text = result if isinstance(result, str) else ""
        print(f" ok {time.monotonic() - start:6.2f} s  {text}".rstrip(),
              flush=True)
        return result

    def elapsed(self):
        return time.monotonic() - self._start


def scenario(lab, step):
    bms1, bms2, vm = lab.bms1, lab.bms2, lab.vm
    step("underlay, TSN and controller machines", lab.make_underlay)
    step("two switches (ovs-vswitchd, ovs-vtep), a server each",
         lab.make_switches)
    step("compute host with a virtual machine", lab.make_compute)
    step("tsn-controller, tsn-tor-agent, tsn-replicator",
         lab.start_services)
    step("switches told whom to flood to, and the VM's MAC",
         lab.wait_ready)
    for server in lab.servers:
        step(f"{server.name}: lease by udhcpc", check_lease, server)
    for source, target in ((bms1, bms2), (bms2, bms1), (bms1, vm), (vm, bms1),
                           (bms2, vm), (vm, bms2)):
        step(f"ping {source.name} -> {target.name}", check_ping, source,
             target)
    for sender, others in ((bms1, [bms2, vm]), (bms2, [bms1, vm]),
                           (vm, [bms1, bms2])):
        step(f"broadcast of {sender.name}: copies received", check_broadcast,
             sender, others)
    step("all programs still run", lab.check_services)
    for words in (["status"], ["show", "macs"], ["show", "flood"]):
        print(f"\n$ tsnctl {' '.join(words)}\n{lab.tsnctl(*words)}", end="")


def show_around(lab):
    ctl = f"{lab.program('tsnctl')} --run-dir {lab.run_dir}"
    switch = lab.switches[0]
    print(f"""
The lab is running.  Look around:

  {ctl} status
  {ctl} show tors|networks|macs|flood
  ip netns exec {lab.bms1.ns.name} ping {lab.vm.address}
  ip netns exec {lab.tsn_ns.name} tcpdump -nnei und0 udp port 4789
  vtep-ctl --db=unix:{switch.dir}/db.sock show

Break something and see it heal:

  ip -n {switch.ns.name} link set und0 down; ip -n {switch.ns.name} link set und0 up
  kill -9 {lab.service("tsn-replicator").pid}; {lab.state.dir}/start/tsn-replicator

  machines:  {' '.join(lab.state.namespaces)}
  settings:  {lab.state.dir}/tsn.yaml, controller.yaml
  logs:      {lab.log_dir}

Remove it:  scripts/demo --down""")


def check_free():
    """Fails if there is a demonstration on this machine."""
    state = State.load(NAME)
    if state is None:
        return
    if state.kept:
        raise LabError("the lab of an earlier 'scripts/demo --keep' is still "
                       "running; remove it with 'scripts/demo --down'")
    if state.runner_alive():
        raise LabError(f"another scripts/demo is running, pid "
                       f"{state.runner[0]}")
    print("removing what an interrupted run has left behind")
    Lab.remove(NAME)


def interrupt(signum, frame):
    raise KeyboardInterrupt


def demonstrate(build_dir, keep):
    step = Steps()
    lab = Lab(build_dir, name=NAME)
    failed = True
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, interrupt)
    try:
        scenario(lab, step)
        failed = False
    except Failed:
        print(f"  all log files: {lab.log_dir}")
    except KeyboardInterrupt:
        print("\ninterrupted", flush=True)
        keep = False
    finally:
        # From here on it is not to be stopped half way.
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sig, signal.SIG_IGN)
        if keep and lab.state.path.exists():
            lab.hand_over()
            show_around(lab)
        elif lab.state.path.exists():
            print()
            try:
                step("removing the lab", lab.close, failed=failed)
            except Failed:
                failed = True
    print(f"\ndemo {'FAILED' if failed else 'passed'} after "
          f"{step.elapsed():.1f} s")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(prog="demo")
    parser.add_argument("--build-dir")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--down", action="store_true")
    parser.add_argument("--check", action="store_true",
                        help="only see whether a demo could start")
    args = parser.parse_args()
    try:
        if args.down:
            there = Lab.remove(NAME)
            print("removed the lab" if there else "there is no lab")
            return 0
        check_free()
        if args.check:
            return 0
        return demonstrate(args.build_dir, args.keep)
    except LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
