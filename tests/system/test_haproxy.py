# SPDX-License-Identifier: Apache-2.0
"""Two ToR agents behind a real HAProxy, which is all that the switch knows of:
it checks both all the time, and has the switch at the first that is alive."""

import subprocess

import pytest
from lab import run, wait_until
from test_graceful_restart import (MAC1, MAC2, MAC3, TIMEOUT,
                                   expect_remote, free_port)
from test_standby import TSNS, Site, Watch, flood_tsn, prepare

CHECK_MS = 100
N_CHECKS = 30
# More than "rise", as the last one may not be over.
N_RISE = 4

CONFIG = """
defaults
    mode tcp
    timeout connect 1s
    timeout client 1h
    timeout server 1h
listen switches
    bind 127.0.0.1:{port}
    option tcp-check
    default-server send-proxy-v2 check inter {ms}ms fall 2 rise 2 \
on-marked-down shutdown-sessions
    server a0 127.0.0.1:{ports[0]}
    server a1 127.0.0.1:{ports[1]} backup
"""


class HaProxy:
    """Runs in the foreground, with a configuration of its own."""

    def __init__(self, directory, ports):
        self.port = free_port()
        self.config = directory / "haproxy.cfg"
        self.config.write_text(CONFIG.format(port=self.port, ports=ports,
                                             ms=CHECK_MS))
        self.log = directory / "haproxy.log"
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["haproxy", "-db", "-f", self.config], stdout=log,
                stderr=subprocess.STDOUT)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends it; that it has ended by itself is a failure."""
        if self.process:
            assert self.process.poll() is None, self.log.read_text()
            self.kill()


class ProxiedSite(Site):
    """Switch tor1 connects to the proxy."""

    def __init__(self, build_dir, directory):
        super().__init__(build_dir, directory)
        self.proxy = HaProxy(directory, self.ports)

    def way_to(self, i):
        return {}, {"listen": [{"address": f"127.0.0.1:{self.ports[i]}",
                                "tls": False, "proxy-protocol": True,
                                "proxies": ["127.0.0.1"]}]}

    def programs(self):
        return [*super().programs(), self.proxy]

    def connect(self, i, verb="add"):
        assert (i, verb) == (0, "add")
        # A switch that came before the proxy knows that the first agent is
        # alive would be at the second one, and stay.
        self.wait_checks(0, N_RISE)
        run("ovs-appctl", "-t", self.ovsdb_ctl, "ovsdb-server/add-remote",
            f"tcp:127.0.0.1:{self.proxy.port}")

    def listener(self, i):
        listener, = self.agents[i].ask("show", "listeners")["listeners"]
        return listener

    def session(self, i):
        session, = self.agents[i].ask("show", "listeners")["sessions"]
        return session

    def n_checks(self, i):
        """How often the proxy has looked whether that agent is there."""
        refused = self.listener(i)["refused"]
        return refused.get("proxy_check", 0) + refused.get("hung_up", 0)

    def wait_checks(self, i, n):
        before = self.n_checks(i)
        wait_until(lambda: self.n_checks(i) >= before + n, TIMEOUT,
                   "the proxy's checks", log=self.proxy.log)


@pytest.fixture
def site(build_dir, tmp_path):
    site = ProxiedSite(build_dir, tmp_path)
    try:
        site.start()
        yield site
    finally:
        site.close()


def check_undisturbed(site, i):
    """Checks come, and are nothing to the session."""
    before = site.session(i)
    for j in range(2):
        site.wait_checks(j, N_CHECKS)
    now = site.session(i)
    for key in ("state", "peer", "port", "sessions", "replaced", "refused"):
        assert now[key] == before[key], key
    assert now["state"] == "connected"
    assert now["up_s"] > before["up_s"]


def test_checks__all_the_time__session_is_the_switchs(site):
    prepare(site)
    n = [tor.changes() for tor in (site.tor1, site.tor2)]
    check_undisturbed(site, 0)
    session = site.session(0)
    assert session["sessions"] == 1
    # The switch's end of its connection, not the proxy's.
    assert run("ss", "-tnH", "state", "established", "src",
               f"127.0.0.1:{session['port']}", "dst",
               f"127.0.0.1:{site.proxy.port}")
    assert site.listener(0)["identified"] == 1
    assert site.listener(1)["identified"] == 0
    assert [tor.changes() for tor in (site.tor1, site.tor2)] == n
    for agent in site.agents:
        assert not agent.ask("alarms")["tsn-tor-agent"]["alarms"]


def test_agent__killed__switch_moves_and_rows_stay(site):
    prepare(site)
    n = site.tor2.changes()
    with Watch(site, MAC1) as watch:
        site.agents[0].kill()
        site.expect_paths(MAC1, (100, "a1"))
        wait_until(lambda: flood_tsn(site.tor1) == [TSNS[1]], TIMEOUT,
                   "the other TSN")
    assert not watch.n_missing
    assert site.tor2.changes() == n, site.tor2.seen()
    assert ",delete," not in site.tor1.seen()
    assert site.role(1) == "active"

    # It is served, in both directions.
    site.tor1.learns(MAC2)
    expect_remote(site.tor2, {MAC1: site.tor1.address,
                              MAC2: site.tor1.address})
    site.tor2.forgets(MAC3)
    expect_remote(site.tor1, {})

    # The agent that is back stands by, and the switch stays where it is.
    site.agents[0].start()
    site.expect_paths(MAC1, (1, "a0"), (100, "a1"))
    check_undisturbed(site, 1)
    assert site.session(1)["sessions"] == 1
    assert site.role(1) == "active"
