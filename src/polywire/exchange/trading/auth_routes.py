"""Keys over HTTP: made, told again, listed, deleted. Source: docs/protocol.md, "Signing in"."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from polywire.exchange.answers import Refused, answer, raw_body_of
from polywire.exchange.trading.auth import Authenticator
from polywire.exchange.trading.keys import Credentials, Keys
from polywire.exchange.trading.records import ApiKey
from polywire.exchange.trading.store import Store


class AuthRoutes:
    """The routes of keys.

    Args:
        keys: The keys.
        authenticator: Who asks.
        store: Answers wait until a key is kept.
        joined: Told the address (lower case) of whoever makes a key.
        left: Told the id of a key that was deleted.
    """

    def __init__(
        self,
        keys: Keys,
        authenticator: Authenticator,
        store: Store,
        *,
        joined: Callable[[str], None],
        left: Callable[[str], None],
    ) -> None:
        self._keys, self._authenticator, self._store = keys, authenticator, store
        self._joined, self._left = joined, left

    def routes(self) -> list[Route]:
        """Return its routes, without a prefix."""
        return [
            Route("/auth/api-key", self._create, methods=["POST"]),
            Route("/auth/api-key", self._delete, methods=["DELETE"]),
            Route("/auth/derive-api-key", self._derive, methods=["GET"]),
            Route("/auth/api-keys", self._list, methods=["GET"]),
            Route("/auth/ban-status/closed-only", self._closed_only, methods=["GET"]),
        ]

    async def _create(self, request: Request) -> Response:
        address, nonce = await self._authenticator.l1(request.headers)
        made = self._keys.create(address, nonce)
        if made is None:
            raise Refused(400, "Could not create api key")
        self._joined(address)
        await self._store.kept()
        return answer(_shown(made))

    async def _derive(self, request: Request) -> Response:
        address, nonce = await self._authenticator.l1(request.headers)
        known = self._keys.derive(address, nonce)
        if known is None:
            raise Refused(400, "Could not derive api key!")
        await self._store.kept()  # it may have been made a moment ago, by another request
        return answer(_shown(known))

    async def _list(self, request: Request) -> Response:
        key = await self.signed_in(request)
        return answer({"apiKeys": [one.id for one in self._keys.of(key.address) if not one.deleted_ms]})

    async def _delete(self, request: Request) -> Response:
        key = await self.signed_in(request)
        self._keys.delete(key)
        await self._store.kept()
        self._left(key.id)
        return answer("OK")

    async def _closed_only(self, request: Request) -> Response:
        await self.signed_in(request)
        return answer({"closed_only": False})

    async def signed_in(self, request: Request) -> ApiKey:
        """Return the key that signed a request. Raises `Refused` where none did."""
        body = await raw_body_of(request)
        return self._authenticator.l2(request.method, path_of(request), body, request.headers)


def path_of(request: Request) -> str:
    """Return a request's path as it is signed: without what the service is mounted at."""
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", ""))


def _shown(credentials: Credentials) -> dict[str, Any]:
    return {"apiKey": credentials.id, "secret": credentials.secret, "passphrase": credentials.passphrase}
