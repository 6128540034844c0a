"""Digests and wallets against the official client's own, and every way to be somebody else refused."""

from typing import Any

import msgspec
import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st
from polymarket._internal import environment, wallet
from polymarket.environments import PRODUCTION

from exchange.trading.signers import Signer
from polywire.exchange.answers import Refused
from polywire.exchange.trading.forms import OrderFields
from polywire.exchange.trading.recovery import Recovery
from polywire.exchange.trading.signed_orders import signed_order, verified
from polywire.exchange.trading.typed_data import (
    CHAIN_ID,
    ORDER_TYPE,
    Contract,
    contract_for,
    domain_separator,
    nested_digest,
    order_struct_hash,
)
from polywire.exchange.trading.wallets import wallets_of
from polywire.io.signing import checksummed

pytestmark = pytest.mark.anyio
ANN = Signer(0xA11)
TYPES = environment.get_environment_config(PRODUCTION).wallet_derivation


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def checked(fields: dict[str, Any], *, contract: Contract = Contract.STANDARD, owner: str = "") -> bytes:
    order, signature = signed_order(msgspec.convert(fields, OrderFields))
    return await verified(Recovery(), order, signature, contract, CHAIN_ID, owner or ANN.address.lower())


def nested(fields: dict[str, Any], signer: Signer, contract: Contract = Contract.STANDARD) -> str:
    """Return a deposit wallet's signature of an order."""
    order, _ = signed_order(msgspec.convert(fields | {"signature": "0x00"}, OrderFields))
    inner: bytes = signer.account.unsafe_sign_hash(nested_digest(order, contract, CHAIN_ID)).signature
    told = domain_separator(contract, CHAIN_ID) + order_struct_hash(order) + ORDER_TYPE
    return "0x" + (inner + told + len(ORDER_TYPE).to_bytes(2, "big")).hex()


def deposit_order(signer: Signer, wallet_address: str, **changes: Any) -> dict[str, Any]:
    fields = signer.order(maker=wallet_address, signer=wallet_address, signatureType=3, **changes)
    return fields | {"signature": nested(fields, signer)}


async def test_an_order_signed_by_its_key_is_known_by_the_digest_the_client_reckons() -> None:
    assert len(await checked(ANN.order())) == 32
    assert await checked(ANN.order(contract=Contract.NEG_RISK), contract=Contract.NEG_RISK)


@given(key=st.integers(1, 2**200))
@settings(max_examples=50, deadline=None)
def test_wallets_follow_from_a_key_as_the_official_client_says(key: int) -> None:
    address = Account.from_key(f"0x{key:064x}").address
    ours = wallets_of(address.lower())
    assert ours.owner == address
    assert ours.proxy == wallet.derive_proxy_wallet_address(address, TYPES)
    assert ours.safe == wallet.derive_safe_wallet_address(address, TYPES)
    assert ours.deposits == (
        wallet.derive_uups_deposit_wallet_address(address, TYPES),
        wallet.derive_beacon_deposit_wallet_address(address, TYPES),
    )


@given(st.binary(min_size=20, max_size=20))
def test_addresses_are_spelled_with_their_checksum(address: bytes) -> None:
    assert checksummed(address) == to_checksum_address(address)


async def test_each_kind_of_wallet_may_trade_for_its_own_key_only() -> None:
    mine, others = wallets_of(ANN.address), wallets_of(Signer(0xB0B).address)
    await checked(ANN.order(maker=mine.proxy, signatureType=1))
    await checked(ANN.order(maker=mine.safe, signatureType=2))
    for deposit in mine.deposits:
        await checked(deposit_order(ANN, deposit))
    for fields in (
        ANN.order(maker=others.owner),
        ANN.order(maker=mine.proxy),  # of another type
        ANN.order(maker=others.proxy, signatureType=1),
        ANN.order(maker=mine.proxy, signatureType=2),
    ):
        with pytest.raises(Refused, match="the order maker address has to be a wallet of the API KEY"):
            await checked(fields)
    with pytest.raises(Refused, match="session keys cannot be checked here"):
        await checked(deposit_order(ANN, others.deposits[0]))
    with pytest.raises(Refused, match="the order signer address has to be the address of the API KEY"):
        await checked(ANN.order(signer=others.owner))
    with pytest.raises(Refused, match="Invalid signature_type: 4"):
        await checked(ANN.order(signatureType=4))


async def test_a_deposit_wallets_signature_is_taken_whole_or_not_at_all() -> None:
    fields = deposit_order(ANN, wallets_of(ANN.address).deposits[0])
    raw = bytes.fromhex(fields["signature"][2:])
    for wrong in (raw[:-1], raw[:65], raw + b"\0", raw[:100] + bytes([raw[100] ^ 1]) + raw[101:]):
        with pytest.raises(Refused, match="invalid signature"):
            await checked(fields | {"signature": "0x" + wrong.hex()})
    with pytest.raises(Refused, match="session key cannot be checked here"):
        await checked(fields | {"signature": "0x" + (raw + bytes.fromhex("6492" * 16)).hex()})
    with pytest.raises(Refused, match="invalid signature"):
        await checked(fields | {"signature": nested(fields, Signer(0xB0B))})


@given(place=st.integers(0, 316), change=st.integers(1, 255))
@settings(max_examples=100, deadline=None)
async def test_no_byte_of_a_deposit_wallets_signature_can_be_another(place: int, change: int) -> None:
    fields = deposit_order(ANN, wallets_of(ANN.address).deposits[1], salt=1, timestamp="1800000000000")
    raw = bytearray.fromhex(fields["signature"][2:])
    assert len(raw) == 317
    raw[place] ^= change
    if place == 64 and raw[place] in {0, 1}:
        raw[place] = 9  # v of 0 and 1 is another spelling of 27 and 28
    with pytest.raises(Refused, match="invalid signature"):
        await checked(fields | {"signature": "0x" + raw.hex()})


@given(data=st.data())
@settings(max_examples=150, deadline=None)
async def test_whatever_is_changed_in_a_signed_order_or_its_signature_it_is_refused(data: st.DataObject) -> None:
    fields = ANN.order()
    name = data.draw(
        st.sampled_from(
            ["salt", "tokenId", "makerAmount", "takerAmount", "side", "timestamp", "metadata", "builder", "signature"]
        )
    )
    match name:
        case "salt":
            changed: Any = fields["salt"] + data.draw(st.integers(1, 2**60))
        case "side":
            changed = "SELL"
        case "signature" | "metadata" | "builder":
            raw = bytearray.fromhex(fields[name][2:])
            raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
            if raw[-1] in {0, 1} and name == "signature":
                raw[-1] = 9  # v of 0 and 1 is another spelling of 27 and 28
            changed = "0x" + raw.hex()
        case _:
            changed = str(int(fields[name]) + data.draw(st.integers(1, 2**60)))
    with pytest.raises(Refused, match="invalid signature"):
        await checked(fields | {name: changed})


async def test_an_order_for_another_chain_or_contract_is_refused() -> None:
    with pytest.raises(Refused, match="invalid signature"):
        await checked(ANN.order(chain_id=137))
    with pytest.raises(Refused, match="invalid signature"):
        await checked(ANN.order(contract=Contract.NEG_RISK))


@pytest.mark.parametrize(
    "changes",
    [
        {"maker": "0x12"},
        {"maker": "19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"},
        {"signer": "0x" + "zz" * 20},
        {"signature": "0x"},
        {"signature": "0xabc"},
        {"signature": "0x" + "ab" * 3_000},
        {"metadata": "0x00"},
        {"builder": " " + "00" * 32},
        {"salt": 1 << 256},
        {"signatureType": -1},
        {"signatureType": 300},
    ],
)
def test_what_is_no_hex_of_its_length_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="Invalid order payload"):
        signed_order(msgspec.convert(ANN.order() | changes, OrderFields))


def test_a_token_of_protocol_version_two_is_known_by_its_shape() -> None:
    assert contract_for(71, neg_risk=False) is Contract.V3  # the ids of our test markets are small
    token = (1 << 255) + (5 << 50)
    assert contract_for(token, neg_risk=False) is Contract.STANDARD
    assert contract_for(token, neg_risk=True) is Contract.NEG_RISK
    assert (
        contract_for(663574927012476832975694178961957910328055987427402067619466963999000625152, neg_risk=True)
        is Contract.V3
    )
