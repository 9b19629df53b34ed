"""Programs that run to their end beside something else."""

import pytest

from mdms.demo.stage import Stage
from mdms.embedded.processes import ChildFailedError


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path / "demo", tmp_path / "state")


def test_a_program_has_ended_when_what_ran_beside_it_goes_on(stage, tmp_path):
    with stage.beside(["this"], "poem"):
        pass

    assert "Zen of Python" in (tmp_path / "demo" / "log" / "poem.log").read_text()


def test_a_program_that_fails_says_why(stage):
    with pytest.raises(ChildFailedError, match=r"nobody ended with 1: .*No module named nobody"):
        run_beside(stage, "nobody")


def test_a_program_does_not_outlive_what_failed_beside_it(stage):
    with pytest.raises(LookupError), stage.beside(["http.server", "0"], "server"):
        raise LookupError


def run_beside(stage: Stage, module: str) -> None:
    with stage.beside([module], module):
        pass
