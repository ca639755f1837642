# SPDX-License-Identifier: Apache-2.0
"""The check that documents name tests that exist is able to fail."""

import subprocess
import sys
from pathlib import Path

import pytest

CITATIONS = Path(__file__).resolve().parents[1] / "citations.py"
PAGE = """\
`tests/wire` and `test_server_replay.c`; `fuzz_it` finds more.

| Situation | As client | As server | Test |
|---|---|---|---|
| a, `tests/nothing of it` | b | c | {} |

| No rule | `here` |
"""
OTHER_PAGES = {
    name: f"""\
| {head} | Rule | Test |
|---|---|---|---|
| 1 | b | c | `a` |
""" for name, head in (("tor-agent", "G.2 | Fault"),
                       ("replicator", "G.7 | Situation"))}
UNIT = """\
#define RIG_TEST(FN) cmocka_unit_test_setup_teardown(FN, setup, teardown)
        cmocka_unit_test(one__case__good),
        RIG_TEST(
            other__case__better),
"""


@pytest.fixture
def check(tmp_path):
    """Runs it on a source tree whose table cites that."""
    def check(cell, page=PAGE):
        (tmp_path / "docs/xmpp.md").write_text(page.format(cell))
        for name, text in OTHER_PAGES.items():
            (tmp_path / f"docs/{name}.md").write_text(text)
        done = subprocess.run([sys.executable, CITATIONS, tmp_path], text=True,
                              stdout=subprocess.PIPE, timeout=20)
        *wrong, last = done.stdout.splitlines()
        assert done.returncode == bool(wrong), last
        return [line.removeprefix("docs/xmpp.md names what is not there: ")
                for line in wrong]

    for name, text in (("unit/test_a.c", UNIT),
                       ("wire/test_server_replay.c", '"05-bad-input.xml"'),
                       ("wire/test_w.c", '"08-client-restart-gr.xml"'),
                       ("fuzz/fuzz_it.c", ""), ("system/test_s.py", "")):
        path = tmp_path / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "docs").mkdir()
    return check


@pytest.mark.parametrize("cell", [
    "`a`", "`a: one__case__good`", "`a: one…, other…`, replay",
    "replay 05", "`w` (08-gr)", "`w` (08), `system/test_s.py`"])
def test_citations__all_there__none_is_wrong(check, cell):
    assert check(cell) == []


@pytest.mark.parametrize("cell,wrong", [
    ("`b`", "b"), ("`a: one`", "a: one"), ("`a: one…, two…`", "a: two…"),
    ("`a: …`", "a: …"), ("`a: one__case__good…, `", "a: "),
    ("`system/test_t.py`", "system/test_t.py")])
def test_citations__one_missing__is_named(check, cell, wrong):
    assert check(cell) == [wrong]


@pytest.mark.parametrize("cell", ["", "by hand", "replay 06", "`w` (08-nogr)",
                                  "`a`, 05"])
def test_citations__rule_without_test_or_recording__is_named(check, cell):
    found, = check(cell)
    assert found.startswith(("any test of", "recording")) and "| a" in found


def test_citations__rest_of_the_page__is_checked(check):
    assert check("`a`", PAGE.replace("fuzz_it", "fuzz_that")
                 .replace("`tests/wire`", "`tests/wired`")) \
        == ["tests/wired", "fuzz_that"]


def test_citations__no_table__is_wrong(check):
    assert check("`a`", PAGE.replace("As client", "Client")) \
        == ["the table '| Situation | As client | As server | Test |'"]
