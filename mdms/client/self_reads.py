"""Calls about readings that customers took themselves."""

from pathlib import Path
from typing import Any

from mdms.client.files import read_text_file
from mdms.client.params import Instant, given
from mdms.client.transport import Transport


class SelfReadCalls(Transport):
    """What customer service asks the daemon of self reads."""

    def add_self_read(
        self,
        meter: str,
        register: str,
        *,
        at: Instant | None = None,
        evidence: str = "",
        verifies: bool = False,
    ) -> dict[str, Any]:
        """Take a register [billing units] that somebody read on a meter, and judge it."""
        body = {
            "meter": meter,
            "register": register,
            "evidence": evidence,
            "verifies": verifies,
        } | given(at=at)
        return self._json("POST", "/v1/self-reads", json=body)

    def import_self_reads(self, file: Path) -> list[dict[str, Any]]:
        """Take a CSV file of self reads, all of it or nothing."""
        body = {"name": file.name, "text": read_text_file(file)}
        return list(self._json("POST", "/v1/self-reads/imports", json=body)["self_reads"])

    def accept_self_read(self, self_read_id: str, reason: str) -> dict[str, Any]:
        """Bill a reading that the rules did not accept."""
        path = f"/v1/self-reads/{self_read_id}/accept"
        return self._json("POST", path, json={"reason": reason})

    def self_reads(self, since: Instant) -> list[dict[str, Any]]:
        """Return the self reads received since an instant."""
        params = given(**{"from": since})
        return list(self._rows("/v1/self-reads", "self_reads", params))

    def self_reads_due(self) -> list[dict[str, Any]]:
        """Return every meter that its customer reads, with what is due when."""
        return list(self._rows("/v1/self-reads/due", "due"))
