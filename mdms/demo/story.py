"""The demo as a story: set the stage, let five weeks pass, bill them, prove them."""

import asyncio
import csv
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Protocol

from mdms.app.clock import SystemClock
from mdms.client import Client
from mdms.demo import script, settings, signer
from mdms.demo.events import reconcile_events
from mdms.demo.leaks import reconcile_leaks
from mdms.demo.reconcile import reconcile
from mdms.demo.stage import Stage
from mdms.embedded import processes
from mdms.settings import Settings
from mdms.storage import roles
from mdms.storage.migrate import migrate

WINDOW_DAYS = 30
_STATE_PREFIX = "mdms-demo-"
_TICK_S = 0.1
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to play."""

    meters: int
    days: int
    start: date
    seed: int
    faults: str
    profiles: Path | None
    script: Path | None
    """What people do; None for what `mdms.demo.script` makes up."""
    directory: Path
    serve: bool

    @property
    def last_day(self) -> date:
        """The last whole day that passes."""
        return self.start + timedelta(days=self.days - 1)

    @property
    def window(self) -> tuple[date, date] | None:
        """The bill window that closes in time, if any."""
        end = self.start + timedelta(days=WINDOW_DAYS)
        return (self.start, end) if self.days >= WINDOW_DAYS else None


class Audience(Protocol):
    """Who watches: gets each stage by name, and the simulator's reports while weeks pass."""

    def stage(self, name: str) -> None: ...
    def weeks(self, report: dict[str, Any]) -> None: ...
    def served(self, report: dict[str, Any], config: Path) -> None: ...


@dataclass(slots=True)
class _Timings:
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 2)


def play(plan: Plan, audience: Audience) -> dict[str, Any]:
    """
    Play a demo to its end and return its report, which is also `report.json`.

    With `plan.serve` it returns only when interrupted. Whatever happens, no process is left.
    """
    _remove_left_behind()
    state_dir = Path(tempfile.mkdtemp(prefix=f"{_STATE_PREFIX}{os.getpid()}-"))
    state_dir.chmod(0o711)  # as root, the database runs as another user and must get through
    stage = Stage(plan.directory, state_dir)
    try:
        return _play(plan, stage, audience)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # impatience must not leave anything behind
        stage.stop()
        shutil.rmtree(state_dir, ignore_errors=True)


def _remove_left_behind() -> None:
    """Remove the state of demos of ours that were killed before they could."""
    for path in Path(tempfile.gettempdir()).glob(f"{_STATE_PREFIX}*-*"):
        owner = path.name.removeprefix(_STATE_PREFIX).split("-")[0]
        if owner.isdecimal() and path.stat().st_uid == os.geteuid() and not _is_alive(int(owner)):
            shutil.rmtree(path, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _play(plan: Plan, stage: Stage, audience: Audience) -> dict[str, Any]:
    timings = _Timings()
    with timings.measure("start"):
        access = _set_stage(plan, stage, audience)
    with Client(access.url, access.tokens["customer_system"]) as client:
        with timings.measure("weeks"):
            reports = _start_time(plan, stage, access)
            end = _let_time_pass(reports, audience)
        with timings.measure("vee"):
            audience.stage("judging the last days")
            # A freeze judges its window itself; what lies behind it has no other occasion.
            first = plan.window[1] if plan.window else plan.start
            if first <= plan.last_day:
                client.run_vee(first, plan.last_day)
        with timings.measure("billing"):
            billing = _bill(plan, client, audience)
        with timings.measure("proof"):
            audience.stage("comparing the database with what really happened")
            report = _plan(plan) | end | _prove(plan, client) | {"billing": billing}
    report["timings_s"] = timings.seconds
    part = plan.directory / "report.json.part"
    part.write_text(json.dumps(report, indent=2, default=str) + "\n")
    part.replace(plan.directory / "report.json")
    if plan.serve:
        audience.stage("going on to the next morning in the office")
        _let_time_pass(reports, audience)  # what is told to type now is lawful then, not before
        audience.served(report, stage.config)
        for _ in reports:
            time.sleep(_TICK_S)
    return report


def _set_stage(plan: Plan, stage: Stage, audience: Audience) -> settings.Access:
    """Start everything but time, and tell the daemon who is metered where."""
    out = plan.directory
    audience.stage("building the city, starting database and broker")
    with stage.beside(["simulators", "registry", *_city(plan)], "registry"):
        dsn = stage.start_servers()
        access = settings.write(
            out,
            dsn=stage.database.dsn_as(roles.DAEMON),
            broker=stage.broker.url,
            port=processes.free_port(),
            socket=stage.signer_socket,
        )
        zone = Settings.load(stage.config).utility.zone
        asyncio.run(migrate(dsn, at=SystemClock().now(), zone=zone))
    if plan.script is None:
        script.write(out / "script.json", out / "registry", plan.start, plan.days)
    else:
        shutil.copyfile(plan.script, out / "script.json")
    settings.write_keys(out / "keys", plan.seed, out / "registry" / "collectors.csv")
    audience.stage("starting signer and daemon")
    stage.start_head_end(
        signer.write(
            out / "signer",
            plain=out / "keys" / "command.toml",
            dsn=stage.database.dsn_as(roles.SIGNER),
            broker=stage.broker.url,
            socket=stage.signer_socket,
        ),
        access.url,
    )
    with Client(access.url, access.tokens["administrator"]) as administrator:
        administrator.import_registry(out / "registry")
    return access


def _start_time(
    plan: Plan, stage: Stage, access: settings.Access
) -> Generator[dict[str, Any], None, None]:
    """Start the simulator; return its reports, which go on after the last day when it serves."""
    out = plan.directory
    arguments: list[str | Path] = ["run", *_city(plan), "--broker", stage.broker.url]
    arguments += ["--faults", plan.faults, "--keys", out / "keys"]
    arguments += ["--script", out / "script.json"]
    arguments += ["--api", access.url, "--token-file", out / "tokens.json"]
    if plan.serve:
        # Time stands still while the report is made: it compares with a truth that is finished.
        arguments += ["--serve", "--serve-after", out / "report.json"]
    stage.start_simulator(arguments)
    return stage.progress()


def _let_time_pass(
    reports: Generator[dict[str, Any], None, None], audience: Audience
) -> dict[str, Any]:
    """Show how time passes until the last day is over; return what was sent by then."""
    last: dict[str, Any] = {}
    for report in reports:
        last = report or last
        audience.weeks(report)
        if report.get("done"):
            break
        time.sleep(0 if report else _TICK_S)
    return {"frames": last.get("frames"), "messages": last.get("messages")}


def _bill(plan: Plan, client: Client, audience: Audience) -> dict[str, Any]:
    if plan.window is None:
        return {"note": f"no window closes in fewer than {WINDOW_DAYS} days"}
    audience.stage("freezing and exporting the bill window")
    client.import_read_days(_read_days(plan, *plan.window))
    frozen = client.freeze(*plan.window)
    client.export_billing(*plan.window, plan.directory / "billing")
    return frozen


def _read_days(plan: Plan, opened: date, closed: date) -> Path:
    """Write the reading schedule: every cycle of the city is read on the same days."""
    points = (plan.directory / "registry" / "usage_points.csv").read_text(encoding="utf-8")
    cycles = {row["billing_cycle"] for row in csv.DictReader(points.splitlines())}
    days = (opened, closed, closed + WINDOW_DAYS * _DAY)
    file = plan.directory / "read_days.csv"
    rows = [f"{cycle},{day}" for cycle in sorted(cycles, key=int) for day in days]
    file.write_text("\n".join(["billing_cycle,read_on", *rows, ""]), encoding="utf-8")
    return file


def _prove(plan: Plan, client: Client) -> dict[str, Any]:
    """Write out what the database holds and compare it with the truth."""
    out = plan.directory
    first, last = plan.start - _DAY, plan.last_day + _DAY
    client.export_readings(first, last, out)
    client.export_events(first, last, out / "events.parquet")
    client.export_controls(out / "controls.parquet")
    (out / "leaks.json").write_text(json.dumps(client.leaks(), indent=1), encoding="utf-8")
    status = client.status()
    return {
        "reads": reconcile(out),
        **reconcile_events(out),
        "leaks": reconcile_leaks(out),
        "controls": client.controls(limit=1000),
        "optouts": [client.optout(each["optout_id"]) for each in client.optouts()],
        "fees": client.billing_events(str(plan.start.replace(day=1)), str(plan.last_day)),
        "lawful": list(script.lawful_homes(out / "registry"))[: script.HOMES_SERVED],
        "dead_letters": status["dead_letters"],
        "exceptions_open": status["exceptions_open"],
    }


def _city(plan: Plan) -> list[str]:
    arguments = {
        "--out": plan.directory,
        "--meters": plan.meters,
        "--days": plan.days,
        "--start": plan.start,
        "--seed": plan.seed,
        "--profiles": plan.profiles,
    }
    return [
        str(part)
        for option, value in arguments.items()
        if value is not None
        for part in (option, value)
    ]


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "meters": plan.meters,
        "days": plan.days,
        "start": plan.start.isoformat(),
        "seed": plan.seed,
        "faults": plan.faults,
    }
