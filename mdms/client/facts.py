"""Calls about facts of the customer system."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mdms.client.files import read_text_file
from mdms.client.transport import Transport


class FactCalls(Transport):
    """What the customer system and its people tell the daemon."""

    def state_facts(self, facts: Iterable[Mapping[str, object]]) -> int:
        """State facts of the customer system, all or none; return how many were new."""
        return int(self._json("POST", "/v1/facts", json={"facts": [*facts]})["new"])

    def import_facts(self, file: Path) -> int:
        """Take a CSV file of facts, all of it or nothing; return how many were new."""
        body = {"name": file.name, "text": read_text_file(file)}
        return int(self._json("POST", "/v1/facts/imports", json=body)["new"])

    def facts(self, subject_id: str) -> list[dict[str, Any]]:
        """Return everything stated about an account, premise or meter, oldest first."""
        params = {"subject_id": subject_id}
        return list(self._json("GET", "/v1/facts", params=params)["facts"])

    def fact_kinds(self) -> list[dict[str, Any]]:
        """Return every fact that a rule reads."""
        return list(self._json("GET", "/v1/facts/kinds")["kinds"])
