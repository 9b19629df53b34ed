"""
A typed client of the daemon's REST interface, for the command line and for people's programs.

    from mdms.client import Client

    with Client("http://127.0.0.1:8710", token) as mdms:
        frame = mdms.readings("E1000001", "2026-11-03", "2026-11-10")   # a pandas DataFrame
"""

from mdms.client.access import AccessCalls
from mdms.client.batches import BatchCalls
from mdms.client.billing import BillingCalls
from mdms.client.breaker import BreakerCalls
from mdms.client.controls import ControlCalls
from mdms.client.edits import EditCalls
from mdms.client.facts import FactCalls
from mdms.client.grid import GridCalls
from mdms.client.ingest import IngestCalls
from mdms.client.leaks import LeakCalls
from mdms.client.optouts import OptoutCalls
from mdms.client.pilot import PilotCalls
from mdms.client.policy import PolicyCalls
from mdms.client.reading_imports import ReadingImportCalls
from mdms.client.readings import ReadingCalls
from mdms.client.registry import RegistryCalls
from mdms.client.self_reads import SelfReadCalls
from mdms.client.system import SystemCalls
from mdms.client.vee import VeeCalls

__all__ = ["Client"]


class Client(
    SystemCalls,
    IngestCalls,
    RegistryCalls,
    ReadingCalls,
    ReadingImportCalls,
    VeeCalls,
    EditCalls,
    BillingCalls,
    ControlCalls,
    BatchCalls,
    BreakerCalls,
    PolicyCalls,
    PilotCalls,
    OptoutCalls,
    SelfReadCalls,
    FactCalls,
    LeakCalls,
    GridCalls,
    AccessCalls,
):
    """
    Every call of the daemon, one module a noun; every refusal is an error of `mdms.domain.errors`.

    Args:
        url: Where the daemon answers.
        token: Bearer token; its roles decide what may be called.
        purpose: Case or order, where a single customer's data is looked at.
    """
