"""The demo as a story: set the stage, let five weeks pass, bill them, prove them."""

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Protocol

from mdms.client import Client
from mdms.demo import settings
from mdms.demo.reconcile import reconcile
from mdms.demo.stage import Stage
from mdms.embedded import processes

WINDOW_DAYS = 30
_STATE_PREFIX = "mdms-demo-"
_TICK_S = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """What to play."""

    meters: int
    days: int
    start: date
    seed: int
    faults: str
    profiles: Path | None
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
    out = plan.directory
    with timings.measure("start"):
        audience.stage("building the city")
        stage.run(["simulators", "registry", *_city(plan)], "registry")
        audience.stage("starting database and broker")
        dsn = stage.start_servers()
        url, token = settings.write(
            stage.config, dsn=dsn, broker=stage.broker.url, port=processes.free_port()
        )
        stage.run(["mdms", "db", "migrate", "--config", stage.config], "migrate")
        audience.stage("starting the daemon")
        stage.start_daemon(url)
        client = Client(url, token)
        client.import_registry(out / "registry")

    with timings.measure("weeks"):
        # Time stands still while the report is made: it compares with a truth that is finished.
        serve = ["--serve", "--serve-after", str(out / "report.json")] if plan.serve else []
        stage.start_simulator(
            ["run", "--broker", stage.broker.url, "--faults", plan.faults, *_city(plan), *serve]
        )
        reports = stage.progress()
        last: dict[str, Any] = {}
        for report in reports:
            last = report or last
            audience.weeks(report)
            if report.get("done"):
                break
            time.sleep(0 if report else _TICK_S)

    with timings.measure("vee"):
        audience.stage("judging the last days")
        # A freeze judges its window itself; what lies behind it has no other occasion.
        first = plan.window[1] if plan.window else plan.start
        if first <= plan.last_day:
            client.run_vee(first, plan.last_day)
    billing: dict[str, Any] = {"note": f"no window closes in fewer than {WINDOW_DAYS} days"}
    if plan.window:
        with timings.measure("billing"):
            audience.stage("freezing and exporting the bill window")
            billing = client.freeze(*plan.window)
            client.export_billing(*plan.window, out / "billing")
    with timings.measure("proof"):
        audience.stage("comparing the database with what really happened")
        before = plan.start - timedelta(days=1)
        client.export_readings(before, plan.last_day + timedelta(days=1), out)
        status = client.status()
        report = {
            **_plan(plan),
            "frames": last.get("frames"),
            "messages": last.get("messages"),
            "reads": reconcile(out),
            "billing": billing,
            "dead_letters": status["dead_letters"],
            "exceptions_open": status["exceptions_open"],
        }
    report["timings_s"] = timings.seconds
    part = out / "report.json.part"
    part.write_text(json.dumps(report, indent=2, default=str) + "\n")
    part.replace(out / "report.json")

    if plan.serve:
        audience.served(report, stage.config)
        for _ in reports:
            time.sleep(_TICK_S)
    return report


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
