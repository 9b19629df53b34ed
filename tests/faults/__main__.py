"""
Fault runs on demand: `python -m tests.faults --meters 1000 --days 10 --seeds 1-5`.

Prints one line a seed; the exit status is 1 if any run lost, doubled or changed anything.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.faults import seeds
from tests.faults.checker import check
from tests.faults.harness import RunFailedError, run, scenario


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--meters", type=int, default=1000)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--weather", default="storm", choices=["none", "normal", "storm"])
    parser.add_argument("--daemon-kills", type=int, default=5)
    parser.add_argument("--seeds", default="1", help="such as 1,7,20-25")
    parser.add_argument("--keep", type=Path, help="leave every run's files here")
    options = parser.parse_args()
    failed = 0
    for seed in seeds.listed(options.seeds):
        root = options.keep or Path(tempfile.mkdtemp(prefix="mdms-faults-"))
        directory = root / f"seed-{seed}"
        directory.parent.mkdir(parents=True, exist_ok=True)
        plan = scenario(
            seed, meters=options.meters, days=options.days, weather=options.weather,
            daemon_kills=options.daemon_kills,
        )  # fmt: skip
        _say(str(plan))
        try:
            done = run(plan, directory)
            verdict = check(directory)
        except RunFailedError as error:
            _say(f"  FAILED: {error}")
            failed += 1
            continue
        failed += bool(verdict.faults)
        outcome = f"FAULTS {verdict.faults}" if verdict.faults else "nothing lost, nothing doubled"
        _say(f"  {outcome}; sent {verdict.sent}, stored {verdict.stored}; {done}")
        if not options.keep and not verdict.faults:
            shutil.rmtree(root)
    return 1 if failed else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
