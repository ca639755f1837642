# SPDX-License-Identifier: Apache-2.0
"""The files that the programs of a lab are configured with."""

import yaml


def _dump(data):
    return yaml.safe_dump(data, sort_keys=False, default_flow_style=None,
                          width=79)


def _tls(lab, name, **more):
    """The section of who uses certificate 'name', if the lab has any."""
    if not lab.pki:
        return {}
    files = lab.pki.files(name)
    return {"tls": {"certificate": f"pki/{files.certificate.name}",
                    "private-key": str(files.key),
                    "ca": f"pki/{files.ca.name}", **more}}


def controller_yaml(lab):
    """What tsn-controller is to know: the whole topology."""
    if lab.cloud:
        return _dump(lab.cloud.controller_yaml())
    switches = []
    for switch in [*lab.switches, *lab.foreign_switches]:
        ports = []
        for port in switch.ports:
            servers = [{"name": server.name, "mac": server.mac,
                        "ip": server.address} for server in lab.servers
                       if server.switch is switch and server.port == port]
            ports.append({"name": port, "network": lab.network.name,
                          "servers": servers})
        switches.append({"name": switch.name, "vtep": switch.address,
                         "agent": f"{switch.name}-agent", "ports": ports})
    network = lab.network
    machines = [{"network": network.name, "mac": machine.mac,
                 "ip": machine.address} for machine in lab.compute.machines]
    return _dump({
        "name": "tsn-controller",
        "listen": "0.0.0.0:5269",
        "networks": [{"name": network.name, "vni": network.vni, "subnets": [
            {"prefix": network.prefix, "gateway": network.gateway,
             "dns": network.dns}]}],
        "switches": switches,
        "hosts": [{"name": lab.compute.name, "vtep": lab.compute.address,
                   "machines": machines}],
        "tsns": [{"name": "tsn1", "address": lab.tsn_address}],
        **_tls(lab, "controller", **{"require-client-certificate": True}),
    })


def _tor(switch):
    """One of "tors"; a switch without a remote connects to us."""
    remote = {"ovsdb": switch.remote} if switch.remote else {}
    return {"name": switch.name, "agent-name": f"{switch.name}-agent",
            **remote, **getattr(switch, "settings", {})}


def tsn_yaml(lab):
    """What the two services are to know: whom to talk to."""
    return _dump({
        "controllers": lab.controllers,
        **lab.settings,
        "tor-agent": {
            **({} if "tsns" in lab.tor_agent
               else {"tsn": lab.tsn_address}),
            **lab.tor_agent,
            "tors": [_tor(switch) for switch in [*lab.switches,
                                                 *lab.foreign_switches]],
        },
        "replicator": {"name": "tsn1", "address": lab.tsn_address},
        **_tls(lab, "tsn"),
    })
