"""What a visitor meets by the web config in force: our certificate, the question for a password, further headers."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from mailsonar.config.web import WebConfig
from mailsonar.web.handshake import is_allowed, server_context
from mailsonar.web.passwords import Passwords


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """One web config, ready for visitors; with nothing set, it is open to all.

    `context` is None where TLS is off; of `client_names` a client certificate must carry one, if there are any.
    """

    context: ssl.SSLContext | None = None
    client_names: tuple[str, ...] = ()
    passwords: Passwords = field(default_factory=lambda: Passwords({}))
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def by(cls, config: WebConfig) -> Self:
        """Return the entrance that a config asks for.

        Raises:
            TlsFailed: a file that it names cannot be used.
        """
        return cls(
            context=server_context(config.tls) if config.tls else None,
            client_names=config.tls.client_allowed_sans if config.tls else (),
            passwords=Passwords(config.users),
            headers=config.headers,
        )

    def admits(self, certificate: Mapping[str, Any] | None) -> bool:
        """Tell whether a client may go on by the certificate that it showed, which OpenSSL has verified."""
        return not self.client_names or is_allowed(certificate, self.client_names)
