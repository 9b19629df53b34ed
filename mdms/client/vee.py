"""Calls about validation and its rule sets."""

from typing import Any

from mdms.client.params import Day, given
from mdms.client.transport import Transport


class VeeCalls(Transport):
    """What those who run validation ask the daemon."""

    def run_vee(self, from_: Day, to: Day, *, meter: str | None = None) -> dict[str, Any]:
        """Judge and estimate the local days from_..to, both included."""
        body = given(**{"from": from_}, to=to, meter=meter)
        return self._json("POST", "/v1/vee/runs", json=body)

    def shadow_vee(
        self, from_: Day, to: Day, ruleset: str, *, meter: str | None = None
    ) -> list[dict[str, Any]]:
        """Return what a candidate rule set (TOML) would have changed; nothing is written."""
        body = {"from": str(from_), "to": str(to), "meter": meter, "ruleset": ruleset}
        return list(self._json("POST", "/v1/vee/shadow-runs", json=body)["differences"])

    def rulesets(self) -> list[dict[str, Any]]:
        """Return the validation rule sets, and which of them judges when."""
        return list(self._json("GET", "/v1/vee/rulesets")["rulesets"])

    def compare_ruleset(self, ruleset: str) -> list[dict[str, Any]]:
        """Return what a candidate rule set (TOML) changes of the rules in force."""
        body = {"ruleset": ruleset}
        return list(self._json("POST", "/v1/vee/rulesets/diff", json=body)["differences"])

    def test_ruleset(self, ruleset: str) -> list[dict[str, Any]]:
        """Try a candidate rule set (TOML) on worked examples."""
        body = {"ruleset": ruleset}
        return list(self._json("POST", "/v1/vee/rulesets/test", json=body)["examples"])

    def promote_ruleset(self, ruleset: str) -> dict[str, Any]:
        """Put a rule set (TOML) in force from its effective date on."""
        return self._json("POST", "/v1/vee/rulesets", json={"ruleset": ruleset})

    def incidents(self, from_: Day, to: Day) -> list[dict[str, Any]]:
        """Return local days on which so many meters were silent that it is one incident."""
        params = {"from": str(from_), "to": str(to)}
        return list(self._json("GET", "/v1/vee/incidents", params=params)["incidents"])

    def exceptions(self) -> list[dict[str, Any]]:
        """Return what waits for a person."""
        return list(self._rows("/v1/vee/exceptions", "exceptions"))
