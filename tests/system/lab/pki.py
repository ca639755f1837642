# SPDX-License-Identifier: Apache-2.0
"""Certificates, made when a test runs, as the README says to."""

import os
from dataclasses import dataclass
from pathlib import Path

from .base import run


@dataclass(frozen=True)
class Files:
    """The files of one who has a certificate."""
    certificate: Path
    key: Path
    ca: Path


class Pki:
    """A directory of certificates: NAME.pem with NAME.key, and who NAME trusts
    in NAME-ca.pem."""

    def __init__(self, directory):
        self.dir = Path(directory)
        self.dir.mkdir(exist_ok=True)
        self._n_made = 0

    def make_ca(self, name):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-days", 30, "-subj",
            f"/CN={name}", "-keyout", self.dir / f"{name}.key", "-out",
            self.dir / f"{name}.pem")

    def files(self, name):
        return Files(self.dir / f"{name}.pem", self.dir / f"{name}.key",
                     self.dir / f"{name}-ca.pem")

    def issue(self, name, ca, *, subject=None, trusts=None):
        """Makes the files of 'name', or replaces them, one after the other and
        each at once."""
        self._n_made += 1
        new = self.dir / f"new-{self._n_made}"
        run("openssl", "req", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-subj",
            f"/CN={subject or name}", "-keyout", f"{new}.key", "-out",
            f"{new}.csr")
        run("openssl", "x509", "-req", "-in", f"{new}.csr", "-CA",
            self.dir / f"{ca}.pem", "-CAkey", self.dir / f"{ca}.key",
            "-CAcreateserial", "-days", 30, "-out", f"{new}.pem")
        Path(f"{new}-ca.pem").write_bytes(
            (self.dir / f"{trusts or ca}.pem").read_bytes())
        files = self.files(name)
        os.replace(f"{new}.key", files.key)
        os.replace(f"{new}.pem", files.certificate)
        os.replace(f"{new}-ca.pem", files.ca)
        return files
