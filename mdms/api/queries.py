"""Parameters of an address: what is not asked for is a mistake, not a wish to be left unheard."""

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query

from mdms.domain.errors import UsageError


def refuse_unknown(request: Request) -> None:
    """
    Refuse a request with a parameter that its route does not have.

    Raises:
        UsageError: It has one; names those that there are.
    """
    if not request.query_params:
        return
    params = get_flat_params(request.scope["route"].dependant)
    known = {each.alias for each in params if isinstance(each.field_info, Query)}
    for name in request.query_params:
        if name not in known:
            there_are = ", ".join(sorted(known)) or "none"
            raise UsageError(f"there is no parameter {name!r} here; there are: {there_are}")
