"""`/api/geoblock`: whether who asks may place orders from where they are.

On the venue's web site and no part of its CLOB; here on the same host and port. Source: docs.polymarket.com,
"Geographic restrictions".
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from polywire.exchange.answers import answer
from polywire.exchange.faults import Faults

_NOWHERE: Final = "ZZ"  # ISO 3166 leaves it to its users: this machine is in no country


def geoblock_route(faults: Faults) -> Route:
    """Return the route; it says blocked while the fault `geoblock` is on."""

    async def endpoint(request: Request) -> Response:
        peer = "" if request.client is None else request.client.host
        return answer({"blocked": faults.is_on("geoblock"), "ip": peer, "country": _NOWHERE, "region": ""})

    return Route("/api/geoblock", endpoint, methods=["GET"])
