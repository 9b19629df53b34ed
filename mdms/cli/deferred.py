"""
Nouns that are imported when somebody calls them.

All of them together import the whole daemon, which takes two seconds; a help page, a completion or
a question to the daemon needs none of that.
"""

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

if TYPE_CHECKING:
    from typer._click import Context  # has no public name

NOUNS: Final = {
    "demo": "Run a small city through weeks in a minute, on an embedded database and broker.",
    "serve": "Run the daemon: take reads, judge them every night, carry commands, answer on REST.",
    "doctor": "Look for the likeliest mistakes of a set-up; each finding says what to do.",
    "status": "Show how far collectors, reads, VEE and billing have come.",
    "report": "Write one day as a page: read rate, gaps, exceptions, leaks, outages, commands.",
    "signer": "Run the signer: the only holder of the command keys, with rules of its own.",
    "db": "The database.",
    "registry": "Premises, meters, channels, accounts, collectors.",
    "meter": "Meters and their channels.",
    "reading": "Interval and register reads.",
    "gap": "Missing batches.",
    "collector": "Collectors.",
    "quarantine": "What waits for the registry.",
    "conflict": "Values that came twice and differ.",
    "ingest": "Raw messages.",
    "vee": "Validation and estimation.",
    "leak": "Leaks of water and gas.",
    "outage": "Outages.",
    "transformer": "Load and voltage of transformers.",
    "theft": "Direct signs of theft and tampering.",
    "billing": "Bill windows, frozen determinants, files.",
    "command": "Commands to meters.",
    "pilot": "The pilot of remote switching.",
    "optout": "Opt-outs from radio reading.",
    "selfread": "Registers that customers read on their own meters.",
    "policy": "The rules that commands are judged by.",
    "fact": "Facts of the customer system, which the rules read.",
    "audit": "The audit: a chain of hashes over all that was done.",
    "privacy": "Who sees customers' data: grants, looks, sums that leave the utility.",
    "token": "Tokens of people and programs.",
}
"""
What the help page says of each module `mdms.cli.NOUN`, in its order; the module says the same.

A module has a `typer.Typer` by the name of `app`, or a function by its own name.
"""


class Nouns(TyperGroup):
    """The commands of `NOUNS`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, about in NOUNS.items():
            self.add_command(Noun(name, help=about, rich_markup_mode=self.rich_markup_mode))


class Noun(TyperCommand):
    """Stands on the help page for a module, and lets the module answer when it is called."""

    @cached_property
    def command(self) -> TyperCommand | TyperGroup:
        """The module's own command."""
        assert self.name is not None, "every noun has a name"
        module = import_module(f"mdms.cli.{self.name}")
        parent = typer.Typer(rich_markup_mode=self.rich_markup_mode, add_completion=False)
        if hasattr(module, "app"):
            parent.add_typer(module.app, name=self.name)
        else:
            parent.command(self.name)(getattr(module, self.name))
        command = get_group(parent).commands[self.name]
        assert isinstance(command, TyperCommand | TyperGroup)
        return command

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: "Context | None" = None,
        **extra: Any,
    ) -> "Context":
        """Return the context of the module's command, in which Typer goes on."""
        return self.command.make_context(info_name, args, parent, **extra)
