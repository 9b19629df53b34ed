"""
The command line: `mdms NOUN VERB`; it parses, calls one service, prints.

Exit status: 0 done, 1 failed, 2 usage, 3 not found, 4 refused by policy, 6 outcome unknown.
"""

import sys

import typer

from mdms.cli import (
    audit,
    billing,
    command,
    db,
    demo,
    doctor,
    fact,
    gap,
    leak,
    meter,
    optout,
    outage,
    policy,
    reading,
    registry,
    selfread,
    serve,
    signer,
    status,
    theft,
    token,
    transformer,
    vee,
)
from mdms.cli.command_view import explain
from mdms.domain.errors import MdmsError, NotFoundError, UsageError
from mdms.policy.refusals import PolicyRefusedError

app = typer.Typer(
    name="mdms",
    help="Open AMI head-end and meter data management.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("doctor")(doctor.doctor)
app.command("status")(status.status)
app.add_typer(signer.app, name="signer")
app.add_typer(db.app, name="db")
app.add_typer(registry.app, name="registry")
app.add_typer(meter.app, name="meter")
app.add_typer(reading.app, name="reading")
app.add_typer(gap.app, name="gap")
app.add_typer(vee.app, name="vee")
app.add_typer(leak.app, name="leak")
app.add_typer(outage.app, name="outage")
app.add_typer(transformer.app, name="transformer")
app.add_typer(theft.app, name="theft")
app.add_typer(billing.app, name="billing")
app.add_typer(command.app, name="command")
app.add_typer(optout.app, name="optout")
app.add_typer(selfread.app, name="selfread")
app.add_typer(policy.app, name="policy")
app.add_typer(fact.app, name="fact")
app.add_typer(audit.app, name="audit")
app.add_typer(token.app, name="token")

_FAILED, _USAGE, _NOT_FOUND, _REFUSED, _INTERRUPTED = 1, 2, 3, 4, 130


def main() -> None:
    """Run the command line; an error of ours is one sentence and an exit status."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except PolicyRefusedError as error:
        sys.stderr.write(f"mdms: {explain(error)}\n")
        sys.exit(_REFUSED)
    except MdmsError as error:
        sys.stderr.write(f"mdms: {error}\n")
        match error:
            case UsageError():
                sys.exit(_USAGE)
            case NotFoundError():
                sys.exit(_NOT_FOUND)
            case _:
                sys.exit(_FAILED)
