#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every test which docs/xmpp.md, docs/tor-agent.md and
docs/replicator.md name is there, part of "make check".

usage: citations.py [SOURCE-DIR]        (else $srcdir, or the current one)

In the last column, "Test", of the table of each stand, in backquotes,

  file                  a file tests/unit/test_file.c or tests/wire/test_file.c
  file: case, case...   cases of it; one that ends in an ellipsis stands for
                        all that begin like that
  system/test_x.py      a file of tests/system

and beside them "replay", which is tests/wire/test_server_replay.c, and
recordings, as 08 or 08-gr, which the file named before replays.  Everywhere in the
page, fuzz targets and files of tests/ have to exist.  Says what does not, and
then the exit status is 1."""

import os
import re
import sys
from pathlib import Path

# With the head of the table of each.
PAGES = {
    "docs/xmpp.md": "| Situation | As client | As server | Test |",
    "docs/tor-agent.md": "| G.2 | Fault | Rule | Test |",
    "docs/replicator.md": "| G.7 | Situation | Rule | Test |",
}
ELLIPSIS = "…"
REPLAY = "server_replay"
# The list of cases at the end of a test, which some make with a macro.
REGISTERED = re.compile(r"\b(?:cmocka_unit_test\w*|\w*TEST|CASE|FAKE)\(\s*(\w+)")
CITATION = re.compile(r"`([^`]+)`|\breplay\b|\b\d\d(?:-\w+)?\b")


class Citations:
    def __init__(self, top, page, table):
        self.top = top
        self.table = table
        self.page = (top / page).read_text()
        self.sources = {
            path.stem.removeprefix("test_"): path.read_text()
            for kind in ("unit", "wire")
            for path in (top / "tests" / kind).glob("test_*.c")}
        self.n_checked = 0
        self.missing = []

    def want(self, found, what):
        self.n_checked += 1
        if not found:
            self.missing.append(what)

    def check_cases(self, name, cases):
        registered = REGISTERED.findall(self.sources.get(name, ""))
        for case in cases:
            stem = case.removesuffix(ELLIPSIS)
            self.want(stem in registered or (stem and stem != case and any(
                other.startswith(stem) for other in registered)),
                      f"{name}: {case}")

    def check_file(self, name):
        """Returns the text of the file cited as 'name'."""
        if "/" in name:
            path = self.top / "tests" / name
            self.want(path.is_file(), name)
            return path.read_text() if path.is_file() else ""
        self.want(name in self.sources, name)
        return self.sources.get(name, "")

    def check_row(self, row):
        """The files and cases of a row, and the recordings they use."""
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        text, n_before = "", self.n_checked
        for match in CITATION.finditer(cells[-1]):
            cited = match[1] or match[0]
            if match[1] or cited == "replay":
                name, _, cases = (match[1] or REPLAY).partition(": ")
                text = self.check_file(name)
                if cases:
                    self.check_cases(name, cases.split(", "))
            else:
                number, _, end = cited.partition("-")
                self.want(re.search(rf'"{number}-[\w-]*{end}\.xml"', text),
                          f"recording {cited}: {row}")
        self.want(self.n_checked > n_before, f"any test of: {row}")

    def check_table(self):
        _, found, rest = self.page.partition(self.table + "\n")
        rows = rest.partition("\n\n")[0].splitlines()[1:]
        self.want(found and rows, f"the table '{self.table}'")
        for row in rows:
            self.check_row(row)

    def check_page(self):
        for cited in re.findall(r"`([^`\s]+)`", self.page):
            if cited.startswith("fuzz_"):
                self.want((self.top / f"tests/fuzz/{cited}.c").is_file(),
                          cited)
            elif cited.startswith("tests/"):
                self.want((self.top / cited).exists(), cited)
            elif cited.startswith("test_") and cited.endswith(".c"):
                self.check_file(cited[5:-2])


def main():
    top = Path(sys.argv[1] if len(sys.argv) > 1
               else os.environ.get("srcdir", "."))
    n_checked = n_missing = 0
    for page, table in PAGES.items():
        citations = Citations(top, page, table)
        citations.check_table()
        citations.check_page()
        for what in citations.missing:
            print(f"{page} names what is not there: {what}")
        n_checked += citations.n_checked
        n_missing += len(citations.missing)
    print(f"{n_checked} citations, {n_missing} wrong")
    return 1 if n_missing else 0


if __name__ == "__main__":
    sys.exit(main())
