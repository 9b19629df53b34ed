"""The application around its routes."""

from unittest.mock import MagicMock

import httpx
from prometheus_client import REGISTRY

from mdms.api import create


def requests(method: str) -> float:
    return REGISTRY.get_sample_value(
        "mdms_api_requests_total", {"method": method, "code": "4xx"}
    ) or 0  # fmt: skip


async def test_invented_methods_are_counted_as_one():
    before = requests("other")
    transport = httpx.ASGITransport(create(MagicMock()))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        for method in ("BREW", "WHEN"):
            await client.request(method, "/healthz")

    assert requests("other") == before + 2
    assert requests("BREW") == 0
