"""
A typed client of the daemon's REST interface, for the command line and for people's programs.

    from mdms.client import Client

    with Client("http://127.0.0.1:8710", token) as mdms:
        frame = mdms.readings("E1000001", "2026-11-03", "2026-11-10")   # a pandas DataFrame
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote
from uuid import UUID

import httpx
import pandas as pd

from mdms.client_commands import CommandCalls
from mdms.client_grid import GridCalls
from mdms.client_vee import VeeCalls
from mdms.domain.controls import Refusal
from mdms.domain.errors import NotFoundError, OperatorError, UnavailableError, UsageError
from mdms.policy.refusals import PolicyRefusedError

Day = date | str
Instant = datetime | str

_ERROR_OF = {
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.UNPROCESSABLE_ENTITY: UsageError,
    HTTPStatus.SERVICE_UNAVAILABLE: UnavailableError,
}


class Client(VeeCalls, GridCalls, CommandCalls):
    """
    Calls the daemon; every refusal becomes an error of `mdms.domain.errors`.

    Args:
        url: Where the daemon answers.
        token: Bearer token; its roles decide what may be called.
    """

    def __init__(self, url: str, token: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        timeout = httpx.Timeout(10.0, read=None)  # a freeze of a city takes its time
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def status(self) -> dict[str, Any]:
        """Return how far collectors, VEE and billing have come."""
        return self._json("GET", "/v1/status")

    def import_registry(self, directory: Path) -> dict[str, Any]:
        """Send the CSV files of a registry directory; all rows are taken, or none."""
        files = {path.name: path.read_text(encoding="utf-8") for path in directory.glob("*.csv")}
        return self._json("POST", "/v1/registry/imports", json={"files": files})

    def export_registry(self, directory: Path) -> list[Path]:
        """Write the registry as the CSV files that `import_registry` reads."""
        directory.mkdir(parents=True, exist_ok=True)
        written = []
        for name, text in self._json("GET", "/v1/registry")["files"].items():
            path = directory / Path(name).name
            path.write_text(text, encoding="utf-8", newline="")
            written.append(path)
        return written

    def meters(self) -> list[dict[str, Any]]:
        """Return every channel of every installed meter."""
        return list(self._json("GET", "/v1/meters")["meters"])

    def readings(
        self,
        meter: str,
        from_: Day | Instant,
        to: Day | Instant,
        *,
        as_of: Instant | None = None,
        versions: bool = False,
    ) -> pd.DataFrame:
        """
        Return a meter's interval reads, one row an interval and channel.

        Args:
            meter: Badge.
            from_: First local day, or an instant with its offset.
            to: Last local day (included), or an instant (excluded).
            as_of: What was known then; None means now.
            versions: Every version instead of the current one.
        """
        params = _present(meter=meter, **{"from": from_}, to=to, as_of=as_of, versions=versions)
        with self._answer("GET", "/v1/readings", params=params) as answer:
            return pd.read_parquet(io.BytesIO(answer.read()))

    def export_readings(
        self, from_: Day | Instant, to: Day | Instant, directory: Path, *, form: str = "parquet"
    ) -> list[Path]:
        """
        Write reads and registers of every meter to files.

        Args:
            from_: First local day, or an instant with its offset.
            to: Last local day (included), or an instant (excluded).
            directory: Made if it is not there.
            form: `parquet` for every version (readings.parquet and registers.parquet), `csv` for
                current reads (readings.csv).
        """
        names = ["readings.csv"] if form == "csv" else ["readings.parquet", "registers.parquet"]
        params = _present(**{"from": from_}, to=to)
        return [
            self._download(f"/v1/readings/files/{name}", directory / name, params) for name in names
        ]

    def gaps(self) -> list[dict[str, Any]]:
        """Return the batches of collectors that never arrived."""
        return list(self._json("GET", "/v1/gaps")["gaps"])

    def backfill(
        self,
        collector_id: int | None = None,
        *,
        from_: Day | Instant | None = None,
        to: Day | Instant | None = None,
    ) -> dict[str, Any]:
        """Ask again for missing batches, or for everything that was closed in a period."""
        body = _present(**{"from": from_}, to=to)
        whose = {} if collector_id is None else {"collector_id": collector_id}
        return self._json("POST", "/v1/gaps/backfill", json={**body, **whose})

    def events(
        self,
        from_: Day | Instant,
        to: Day | Instant,
        *,
        meter: str | None = None,
        limit: int = 1000,
    ) -> list[dict[str, Any]]:
        """
        Return what meters and collectors reported by themselves, the first of a period first.

        Args:
            from_: First local day, or an instant with its offset.
            to: Last local day (included), or an instant (excluded).
            meter: Badge; None for all, and for what collectors say of themselves.
            limit: How many at most.
        """
        params = _present(**{"from": from_}, to=to, meter=meter, limit=limit)
        return list(self._json("GET", "/v1/events", params=params)["events"])

    def export_events(self, from_: Day | Instant, to: Day | Instant, path: Path) -> Path:
        """Write every event of a period as Parquet."""
        params = _present(**{"from": from_}, to=to)
        return self._download("/v1/events/files/events.parquet", path, params)

    def run_vee(self, from_: Day, to: Day, *, meter: str | None = None) -> dict[str, Any]:
        """Judge and estimate the local days from_..to, both included."""
        body = _present(**{"from": from_}, to=to, meter=meter)
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

    def exceptions(self) -> list[dict[str, Any]]:
        """Return what waits for a person."""
        return list(self._json("GET", "/v1/vee/exceptions")["exceptions"])

    def freeze(self, window_start: Day, window_end: Day) -> dict[str, Any]:
        """Freeze the determinants of a bill window; what is frozen stays as it is."""
        return self._json("POST", f"/v1/billing/windows/{window_start}/{window_end}/freeze")

    def billing_windows(self) -> list[dict[str, Any]]:
        """Return every window that was frozen, with what blocked the rest of its meters."""
        return list(self._json("GET", "/v1/billing/windows")["windows"])

    def export_billing(self, window_start: Day, window_end: Day, directory: Path) -> list[Path]:
        """Write a frozen window's files; the manifest comes last."""
        base = f"/v1/billing/windows/{window_start}/{window_end}/files"
        names = self._json("GET", base)["files"]
        return [self._download(f"{base}/{name}", directory / Path(name).name) for name in names]

    def command(
        self,
        action: str,
        meter: str,
        cause: str,
        *,
        order: str = "",
        reason: str = "",
        evidence: str = "",
        item: str = "",
        not_before: Instant | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """
        Ask for a command to a meter; it is carried out by the daemon.

        Args:
            action: disconnect, reconnect, arm, radio_off, radio_on, read or ping.
            meter: Badge or usage point.
            cause: Why; a disconnect needs one of the causes that allow it.
            order: Reference in another system.
            reason: For the record.
            evidence: Identifier of the record that proves a hazard or theft.
            item: Item of Rule 9.D that an immediate disconnect rests on.
            not_before: From when on; None means now.
            dry_run: Only ask the rules.

        Raises:
            PolicyRefusedError: The rules forbid it; it has every reason.
        """
        body = {
            "action": action,
            "cause": cause,
            "dry_run": dry_run,
            "evidence": evidence,
            "item": item,
            "meter": meter,
            "order": order,
            "reason": reason,
        } | _present(not_before=not_before)
        return self._json("POST", "/v1/controls", json=body)

    def controls(self, *, meter: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """Return commands, the newest first."""
        params = _present(meter=meter, limit=limit)
        return list(self._json("GET", "/v1/controls", params=params)["controls"])

    def export_controls(self, path: Path) -> Path:
        """Write every command, refused ones too, as Parquet."""
        return self._download("/v1/controls/files/controls.parquet", path)

    def control(self, control_id: str) -> dict[str, Any]:
        """Return one command with every step of its life."""
        return self._json("GET", f"/v1/controls/{control_id}")

    def approve(self, control_id: str, reason: str = "") -> dict[str, Any]:
        """Approve a command that another has asked for."""
        return self._json("POST", f"/v1/controls/{control_id}/approve", json={"reason": reason})

    def field_orders(self, *, every: bool = False, limit: int = 200) -> list[dict[str, Any]]:
        """Return what people must do at meters; `every` with what they have done."""
        params = _present(every=every, limit=limit)
        return list(self._json("GET", "/v1/field-orders", params=params)["field_orders"])

    def close_field_order(self, field_order_id: str, outcome: str) -> dict[str, Any]:
        """Say that a field order was carried out, and what was done."""
        path = f"/v1/field-orders/{field_order_id}/close"
        return self._json("POST", path, json={"outcome": outcome})

    def cancel(self, control_id: str, reason: str = "") -> dict[str, Any]:
        """Take back a command that nobody has sent yet."""
        return self._json("POST", f"/v1/controls/{control_id}/cancel", json={"reason": reason})

    def enrol_optout(
        self,
        who: str,
        *,
        usage_points: Iterable[str] = (),
        requester: str = "holder",
        crew_today: bool = False,
        form_on: str | None = None,
        reason: str = "",
    ) -> dict[str, Any]:
        """
        Ask for an opt-out of an account, or of the residence of one of its meters.

        Args:
            who: Account, badge or usage point.
            usage_points: The services; empty: every one but water.
            requester: As the account knows them.
            crew_today: A crew is on its way to replace a legacy meter.
            form_on: Day on which the signed form came back.
            reason: For the record.
        """
        body = {
            "who": who,
            "usage_points": [*usage_points],
            "requester": requester,
            "crew_today": crew_today,
            "reason": reason,
        } | _present(form_on=form_on)
        return self._json("POST", "/v1/optouts", json=body)

    def optout(self, optout_id: str) -> dict[str, Any]:
        """Return one request to opt out, with every reason, and which radios are silent."""
        return self._json("GET", f"/v1/optouts/{optout_id}")

    def decide_optout(self, optout_id: str, verb: str, **body: str) -> dict[str, Any]:
        """Take a request further: `form`, `judge`, `approve` or `revoke` it."""
        return self._json("POST", f"/v1/optouts/{optout_id}/{verb}", json=body)

    def optout_tasks(self, *, open_only: bool = True) -> list[dict[str, Any]]:
        """Return what people decide or do for the programme."""
        params = {"open_only": open_only}
        return list(self._json("GET", "/v1/optouts/tasks", params=params)["tasks"])

    def finish_optout_task(self, number: int) -> dict[str, Any]:
        """Close a task."""
        return self._json("POST", f"/v1/optouts/tasks/{number}/done")

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
        } | _present(at=at)
        return self._json("POST", "/v1/self-reads", json=body)

    def import_self_reads(self, file: Path) -> list[dict[str, Any]]:
        """Take a CSV file of self reads, all of it or nothing."""
        body = {"name": file.name, "text": file.read_text(encoding="utf-8")}
        return list(self._json("POST", "/v1/self-reads/imports", json=body)["self_reads"])

    def accept_self_read(self, self_read_id: str, reason: str) -> dict[str, Any]:
        """Bill a reading that the rules did not accept."""
        path = f"/v1/self-reads/{self_read_id}/accept"
        return self._json("POST", path, json={"reason": reason})

    def self_reads(self, since: Instant) -> list[dict[str, Any]]:
        """Return the self reads received since an instant."""
        params = _present(**{"from": since})
        return list(self._json("GET", "/v1/self-reads", params=params)["self_reads"])

    def self_reads_due(self) -> list[dict[str, Any]]:
        """Return every meter that its customer reads, with what is due when."""
        return list(self._json("GET", "/v1/self-reads/due")["due"])

    def billing_events(self, first: str, last: str) -> list[dict[str, Any]]:
        """Return the sums due on the local days first..last."""
        params = {"from": first, "to": last}
        return list(self._json("GET", "/v1/billing/events", params=params)["events"])

    def optouts(self) -> list[dict[str, Any]]:
        """Return every opt-out, oldest first."""
        return list(self._json("GET", "/v1/optouts")["optouts"])

    def end_optout(self, optout_id: str, *, field_order: str = "") -> dict[str, Any]:
        """End an opt-out; name the field order that switched the radio on, if there was one."""
        body = {"field_order": field_order}
        return self._json("POST", f"/v1/optouts/{optout_id}/end", json=body)

    def state_facts(self, facts: Iterable[Mapping[str, object]]) -> int:
        """State facts of the customer system, all or none; return how many were new."""
        return int(self._json("POST", "/v1/facts", json={"facts": [*facts]})["new"])

    def import_facts(self, file: Path) -> int:
        """Take a CSV file of facts, all of it or nothing; return how many were new."""
        body = {"name": file.name, "text": file.read_text(encoding="utf-8")}
        return int(self._json("POST", "/v1/facts/imports", json=body)["new"])

    def facts(self, subject_id: str) -> list[dict[str, Any]]:
        """Return everything stated about an account, premise or meter, oldest first."""
        params = {"subject_id": subject_id}
        return list(self._json("GET", "/v1/facts", params=params)["facts"])

    def fact_kinds(self) -> list[dict[str, Any]]:
        """Return every fact that a rule reads."""
        return list(self._json("GET", "/v1/facts/kinds")["kinds"])

    def leaks(self, *, meter: str | None = None) -> list[dict[str, Any]]:
        """Return open leaks and those that ended lately, the newest first."""
        return list(self._json("GET", "/v1/leaks", params=_present(meter=meter))["leaks"])

    def leak(self, leak_id: str) -> dict[str, Any]:
        """Return one leak with its steps."""
        return self._json("GET", f"/v1/leaks/{quote(leak_id, safe='')}")

    def leak_notices(self, since: Instant) -> list[dict[str, Any]]:
        """Return what customers are to be told of leaks since an instant, oldest first."""
        params = {"since": str(since)}
        return list(self._json("GET", "/v1/leaks/notices", params=params)["notices"])

    def acknowledge_leak(self, leak_id: str, reason: str = "") -> dict[str, Any]:
        """Take the customer's word that a leak is normal flow."""
        path = f"/v1/leaks/{quote(leak_id, safe='')}/ack"
        return self._json("POST", path, json={"reason": reason})

    def announce_water(
        self, meter: str, *, pool_fill: bool = False, normal_gal_h: float | None = None
    ) -> dict[str, Any]:
        """Take what a customer says of the water ahead."""
        body = {"meter": meter, "pool_fill": pool_fill, "normal_gal_h": normal_gal_h}
        return self._json("POST", "/v1/leaks/announcements", json=body)

    def leak_credit(self, leak_id: str, stated: Mapping[str, object]) -> dict[str, Any]:
        """Return what a credit of Rule 11.L comes to, with its evidence."""
        path = f"/v1/leaks/{quote(leak_id, safe='')}/credit"
        return self._json("POST", path, json=stated)

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
        params = {"limit": str(limit)} | _present(subject=subject)
        return list(self._json("GET", "/v1/audit", params=params)["records"])

    def _json(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | bool] | None = None,
        json: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        with self._answer(method, path, params=params, json=json) as answer:
            answer.read()
            body = answer.json()
        assert isinstance(body, dict), "every JSON answer of the daemon is an object"
        return body

    def _download(
        self, path: str, target: Path, params: Mapping[str, str | bool] | None = None
    ) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        with self._answer("GET", path, params=params) as answer, part.open("wb") as file:
            for chunk in answer.iter_bytes():
                file.write(chunk)
        return part.replace(target)

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | bool] | None = None,
        json: Mapping[str, object] | None = None,
    ) -> Iterator[httpx.Response]:
        try:
            with self._http.stream(method, path, params=params, json=json) as answer:
                if answer.is_error:
                    answer.read()
                    raise _refusal(answer)
                yield answer
        except httpx.TransportError as error:
            raise UnavailableError(
                f"the daemon does not answer at {self._http.base_url}: {error}; "
                "is `mdms serve` running, and does [client] url name it?"
            ) from error


def _refusal(answer: httpx.Response) -> Exception:
    try:
        problem = answer.json()
        detail = str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        problem, detail = {}, f"the daemon answered {answer.status_code} without a reason"
    if codes := problem.get("codes"):
        control_id = problem.get("control_id")
        return PolicyRefusedError(
            [_refusal_of(code) for code in codes], UUID(control_id) if control_id else None
        )
    return _ERROR_OF.get(HTTPStatus(answer.status_code), OperatorError)(detail)


def _refusal_of(code: Mapping[str, str | None]) -> Refusal:
    at = code["next_possible_at"]
    return Refusal(
        code=str(code["code"]),
        clause=str(code["clause"]),
        cure=str(code["cure"]),
        next_possible_at=None if at is None else datetime.fromisoformat(at),
    )


def _present(**values: object) -> dict[str, str | bool]:
    """Return what was given, as text; None is left out."""
    return {
        name: value if isinstance(value, bool) else str(value)
        for name, value in values.items()
        if value is not None
    }
