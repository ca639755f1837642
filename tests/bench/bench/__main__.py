# SPDX-License-Identifier: Apache-2.0
"""scripts/bench, from the point where the programs are built."""

import argparse
import importlib
import pkgutil
import signal
import sys
import time
from pathlib import Path

import bench
from bench import MIN_ROUNDS, Context, progress
from lab import LabError
from lab.state import remove_abandoned


def find_all():
    """{name: module} of all benchmarks: macs_down.py is "macs-down"."""
    return {info.name.replace("_", "-"):
            importlib.import_module(f"bench.{info.name}")
            for info in pkgutil.iter_modules(bench.__path__)
            if not info.name.startswith("_")}


def main():
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--build-dir", type=Path)
    parser.add_argument("--rounds", type=int, default=MIN_ROUNDS)
    parser.add_argument("name", nargs="?")
    parser.add_argument("cases", nargs="*", metavar="case")
    args = parser.parse_args()
    benches = find_all()

    if args.list:
        for name, module in benches.items():
            for case, what in module.CASES.items():
                print(f"{name:<10} {case:<24} {what}")
        return 0
    if args.name not in benches:
        parser.error(f"no benchmark '{args.name}', there are: "
                     f"{', '.join(benches)}")
    if args.rounds < MIN_ROUNDS:
        parser.error(f"at least {MIN_ROUNDS} rounds")
    module = benches[args.name]
    cases = args.cases or list(module.CASES)
    for case in cases:
        if case not in module.CASES:
            parser.error(f"benchmark '{args.name}' has no case '{case}', it "
                         f"has: {', '.join(module.CASES)}")
    # Whoever cuts it off gets a clean host; what was killed is cleaned up now.
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, lambda number, _: sys.exit(128 + number))
    remove_abandoned()
    context = Context(args.build_dir, args.rounds)
    for case in cases:
        start = time.monotonic()
        progress(f"{args.name} {case}: {module.CASES[case]}")
        try:
            result = module.run(case, context)
        except LabError as error:
            progress(f"bench: {args.name} {case}: {error}")
            return 1
        progress(f"  done in {time.monotonic() - start:.0f} s")
        print(result.to_json(args.name, case), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
