"""Calls about tokens and the audit."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from mdms.client.params import given
from mdms.client.transport import Transport


class AccessCalls(Transport):
    """What administrators and auditors ask the daemon."""

    def create_token(
        self,
        name: str,
        roles: Iterable[str],
        *,
        nouns: Iterable[str] = (),
        days: int | None = 90,
    ) -> dict[str, Any]:
        """Make a token; the answer's `token` is shown this once."""
        body = {"name": name, "roles": [*roles], "nouns": [*nouns], "days": days}
        return self._json("POST", "/v1/tokens", json=body)

    def tokens(self) -> list[dict[str, Any]]:
        """Return every token, hashes left out."""
        return list(self._json("GET", "/v1/tokens")["tokens"])

    def revoke_token(self, name: str) -> None:
        """Make a token nobody's."""
        self._json("DELETE", f"/v1/tokens/{quote(name, safe='')}")

    def audit(self, subject: str | None = None, *, limit: int = 50) -> list[dict[str, Any]]:
        """Return what happened to a command, badge or token; without one, the newest of all."""
        params = {"limit": str(limit)} | given(subject=subject)
        return list(self._json("GET", "/v1/audit", params=params)["records"])
