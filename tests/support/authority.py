"""A certificate authority that lives as long as its folder, and the certificates that it signs for test servers."""

from __future__ import annotations

from pathlib import Path

import trustme

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1", "mail.example")


class Authority:
    """Signs server certificates; who trusts `ca_file` trusts them.

    Args:
        folder: where the PEM files go; only the owner may read the keys.
    """

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._folder = folder
        self.ca_file = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(self.ca_file)

    def issue(self, file_name: str, names: tuple[str, ...] = LOCAL_NAMES) -> Path:
        """Sign a certificate and write it.

        Args:
            file_name: the name of the PEM file in the folder.
            names: host names and addresses that the certificate carries.

        Returns:
            A PEM file with the private key first and the chain behind it, as Postfix and Dovecot both accept.
        """
        path = self._folder / file_name
        path.touch(mode=0o600)
        self._authority.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(path)
        return path
