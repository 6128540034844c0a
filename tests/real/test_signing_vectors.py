"""Every recorded signature verifies: made with the official client's code and a throw-away key, chain 137."""

import base64
import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from polywire.exchange.trading.auth import Authenticator
from polywire.exchange.trading.forms import OrderFields
from polywire.exchange.trading.keys import Keys
from polywire.exchange.trading.recovery import Recovery
from polywire.exchange.trading.signed_orders import signed_order, verified
from polywire.exchange.trading.sqlite_store import opened_store
from polywire.exchange.trading.typed_data import contract_for
from polywire.exchange.trading.wallets import wallets_of
from polywire.io.signing import hmac_of

pytestmark = [pytest.mark.anyio, pytest.mark.real]
CHAIN: Final = 137  # the vectors are of the venue; ours is another, so that no order of ours is good there


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def vectors(real_data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((real_data / "protocol/samples/rest_signing_vectors.json").read_bytes())
    return found


async def test_the_login_is_its_wallets(vectors: dict[str, Any]) -> None:
    login = vectors["l1_clob_auth"]
    headers = {
        "poly_address": vectors["address"],
        "poly_signature": login["signature"],
        "poly_timestamp": login["timestamp"],
        "poly_nonce": str(login["nonce"]),
    }
    then = float(login["timestamp"])
    async with opened_store(None) as store:
        keys = Keys(store, (), lambda: 0)
        authenticator = Authenticator(keys, Recovery(), CHAIN, wall_s=lambda: then, venue_s=lambda: then)
        assert await authenticator.l1(headers) == (vectors["address"].lower(), 0)


def test_the_hmacs_are_those_of_their_secret(vectors: dict[str, Any]) -> None:
    assert vectors["l2_hmac"]
    for vector in vectors["l2_hmac"]:
        told = f"{vector['timestamp']}{vector['method']}{vector['path']}{vector['body'] or ''}"
        assert hmac_of(base64.urlsafe_b64decode(vector["secret"]), told.encode()) == vector["signature"]


async def test_every_order_verifies_and_has_the_recorded_id(vectors: dict[str, Any]) -> None:
    assert {order["order"]["signatureType"] for order in vectors["orders"]} == {0, 3}
    for vector in vectors["orders"]:
        fields = msgspec.convert(vector["order"] | {"signature": vector["signature"]}, OrderFields)
        order, signature = signed_order(fields)
        contract = contract_for(order.token, neg_risk=vector["name"].startswith("neg_risk"))
        assert (contract.address, contract.version) == (vector["exchange"], vector["domain_version"])
        digest = await verified(Recovery(), order, signature, contract, CHAIN, vectors["address"])
        assert f"0x{digest.hex()}" == vector["order_hash"], vector["name"]


def test_the_wallets_of_the_key_are_the_recorded_ones(vectors: dict[str, Any]) -> None:
    ours, theirs = wallets_of(vectors["address"]), vectors["derived_wallets"]
    assert (ours.proxy, ours.safe) == (theirs["proxy"], theirs["safe"])
    assert ours.deposits == (theirs["uups_deposit"], theirs["beacon_deposit"])
