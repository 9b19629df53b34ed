"""
The command line: `mdms NOUN VERB`; it parses, calls one service, prints.

Exit status: 0 done, 1 failed, 2 usage, 3 not found, 4 refused by policy or
for lack of a role, 6 outcome unknown.
"""

import sys

import typer

from mdms.cli.command_view import explain
from mdms.cli.deferred import Nouns
from mdms.domain.errors import ForbiddenError, MdmsError, NotFoundError, UsageError
from mdms.domain.plain import plain
from mdms.policy.refusals import PolicyRefusedError

app = typer.Typer(
    name="mdms",
    cls=Nouns,
    help="Open AMI head-end and meter data management.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


@app.callback()
def _root() -> None:
    """Tell Typer that there are nouns; `mdms.cli.deferred` has them."""


_FAILED, _USAGE, _NOT_FOUND, _REFUSED, _INTERRUPTED = 1, 2, 3, 4, 130


def main() -> None:
    """Run the command line; an error of ours, or a file's, is one sentence and an exit status."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except PolicyRefusedError as error:
        sys.stderr.write(f"mdms: {plain(explain(error))}\n")
        sys.exit(_REFUSED)
    except MdmsError as error:
        sys.stderr.write(f"mdms: {plain(str(error))}\n")
        match error:
            case UsageError():
                sys.exit(_USAGE)
            case NotFoundError():
                sys.exit(_NOT_FOUND)
            case ForbiddenError():
                sys.exit(_REFUSED)
            case _:
                sys.exit(_FAILED)
    except OSError as error:
        if error.filename is None:
            raise
        sys.stderr.write(f"mdms: {plain(str(error.filename))}: {error.strerror}\n")
        sys.exit(_FAILED)
