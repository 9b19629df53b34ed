"""Calls about tokens, grants, who looked at whose data, sums that leave, and the audit."""

from collections.abc import Iterable, Iterator
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

    def grants(self, account_id: str | None = None) -> list[dict[str, Any]]:
        """Return what portals let customers, and whom they trust, see; the newest first."""
        return list(self._rows("/v1/grants", "grants", given(account_id=account_id)))

    def revoke_grant(self, grant_id: str) -> None:
        """End a grant, from the next call on."""
        self._json("DELETE", f"/v1/grants/{quote(grant_id, safe='')}")

    def looks(
        self, account_id: str | None = None, *, by: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield who looked at whose data, the newest first, page by page."""
        return self._rows("/v1/looks", "looks", given(account_id=account_id, by=by))

    def publish_aggregate(self, commodity: str, month: str, cut: str = "") -> list[dict[str, Any]]:
        """Let sums of a month's billed usage go; too small a group is SUPPRESSED."""
        body = {"commodity": commodity, "month": month, "cut": cut}
        return list(self._json("POST", "/v1/aggregates", json=body)["groups"])

    def report_breach(self, account_ids: Iterable[str], what: str) -> dict[str, Any]:
        """Open an incident: data of these accounts went astray; each is told by an alert."""
        body = {"account_ids": [*account_ids], "what": what}
        return self._json("POST", "/v1/breaches", json=body)

    def aggregates(self) -> Iterator[dict[str, Any]]:
        """Yield the ledger of sums, the newest first, page by page."""
        return self._rows("/v1/aggregates", "releases")

    def audit(self, subject: str | None = None, *, limit: int | None = 50) -> list[dict[str, Any]]:
        """Return what happened to a command, badge or token; without one, the newest of all."""
        params = given(subject=subject)
        return list(self._rows("/v1/audit", "records", params, limit=limit))[::-1]
