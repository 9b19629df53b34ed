"""
Fuzzing that is guided by coverage: `make fuzz`, or `python -m tests.fuzz [FOLDER] [OPTION...]`.

Options are libFuzzer's: `-max_total_time=600`, `-runs=1000000`. FOLDER keeps what reached new code
from one run to the next. What fails is written to a file `crash-...`, and fails again when that
file is named instead of the folder.
"""

import logging
import sys

import atheris
import structlog

with atheris.instrument_imports(include=["ingest", "mdms.domain", "mdms.ports"]):
    from tests.fuzz.hostile import check


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    atheris.Setup([sys.argv[0], "-max_len=4096", "-rss_limit_mb=2048", *sys.argv[1:]], check_one)
    atheris.Fuzz()


def check_one(data: bytes) -> None:
    check(data)


if __name__ == "__main__":
    main()
