"""Whether an order was signed by who may sign it. Source: docs/protocol.md, "Signatures" and "Wallets"."""

from enum import IntEnum
from typing import Final

from polywire.exchange.answers import Refused
from polywire.exchange.trading.forms import MALFORMED, OrderFields
from polywire.exchange.trading.recovery import Recovery
from polywire.exchange.trading.typed_data import (
    ORDER_TYPE,
    Contract,
    SignedOrder,
    domain_separator,
    nested_digest,
    order_digest,
    order_struct_hash,
)
from polywire.exchange.trading.wallets import Wallets, wallets_of

_NOT_ITS_SIGNER: Final = "the order signer address has to be the address of the API KEY"
_WRONG: Final = "invalid signature"  # how the venue says it is not known
_INNER: Final = 65
_ADDRESS, _WORD = 20, 32
_LONGEST: Final = 4_096  # signs of a signature
_SESSION_MARK: Final = bytes.fromhex("6492" * 16)


class SignatureType(IntEnum):
    """Whose money an order moves, and how its signature shows that."""

    EOA = 0  # the key's own
    POLY_PROXY = 1
    GNOSIS_SAFE = 2
    POLY_1271 = 3  # a deposit wallet


def signed_order(fields: OrderFields) -> tuple[SignedOrder, bytes]:
    """Return the signed part of an order, and its signature.

    Raises:
        Refused: An address, a word or the signature is no hex of its length, or a number does not fit.
    """
    if fields.salt >> 256 or not 0 <= fields.signature_type < 1 << 8 or len(fields.signature) > _LONGEST:
        raise Refused(400, MALFORMED)
    order = SignedOrder(
        salt=fields.salt,
        maker=_bytes(fields.maker, _ADDRESS),
        signer=_bytes(fields.signer, _ADDRESS),
        token=int(fields.token_id),
        maker_amount=int(fields.maker_amount),
        taker_amount=int(fields.taker_amount),
        selling=fields.side == "SELL",
        signature_type=fields.signature_type,
        timestamp=int(fields.timestamp),
        metadata=_bytes(fields.metadata, _WORD),
        builder=_bytes(fields.builder, _WORD),
    )
    return order, _bytes(fields.signature)


async def verified(
    recovery: Recovery, order: SignedOrder, signature: bytes, contract: Contract, chain_id: int, owner: str
) -> bytes:
    """Return an order's digest, which is its id, once it is shown that `owner` signed it and may.

    Args:
        recovery: Says who signed.
        order: What was signed.
        signature: As it came.
        contract: That it has to be signed for.
        chain_id: The same.
        owner: The address of the API key that it came with.

    Raises:
        Refused: It was not, or nobody can tell without a chain.
    """
    wallets = wallets_of(owner)
    _check_wallet(order, wallets)
    digest = order_digest(order, contract, chain_id)
    if order.signature_type == SignatureType.POLY_1271:
        inner = _inner(order, signature, contract, chain_id)
        signer = await recovery.signer(nested_digest(order, contract, chain_id), inner)
    else:
        signer = await recovery.signer(digest, signature)
    if signer != wallets.owner.lower():
        raise Refused(400, _WRONG)
    return digest


def _check_wallet(order: SignedOrder, wallets: Wallets) -> None:
    owner = bytes.fromhex(wallets.owner[2:])
    match order.signature_type:
        case SignatureType.EOA:
            makers, signer = {wallets.owner}, owner
        case SignatureType.POLY_PROXY:
            makers, signer = {wallets.proxy}, owner
        case SignatureType.GNOSIS_SAFE:
            makers, signer = {wallets.safe}, owner
        case SignatureType.POLY_1271:
            makers, signer = {*wallets.deposits}, order.maker
        case _:
            raise Refused(400, f"Invalid signature_type: {order.signature_type} is none of 0, 1, 2 and 3")
    if order.signer != signer:
        raise Refused(400, _NOT_ITS_SIGNER)
    if order.maker not in {bytes.fromhex(maker[2:]) for maker in makers}:
        if order.signature_type == SignatureType.POLY_1271:
            raise Refused(400, f"{_NOT_ITS_SIGNER}: session keys cannot be checked here, without a chain")
        raise Refused(400, f"the order maker address has to be a wallet of the API KEY: {', '.join(sorted(makers))}")


def _inner(order: SignedOrder, signature: bytes, contract: Contract, chain_id: int) -> bytes:
    """Return the owner's signature inside a deposit wallet's."""
    if signature.endswith(_SESSION_MARK):
        raise Refused(400, "invalid signature: one of a session key cannot be checked here, without a chain")
    told = domain_separator(contract, chain_id) + order_struct_hash(order) + ORDER_TYPE
    if signature[_INNER:] != told + len(ORDER_TYPE).to_bytes(2, "big"):
        raise Refused(400, _WRONG)
    return signature[:_INNER]


def _bytes(text: str, length: int | None = None) -> bytes:
    """Return what `0x` and hex digits stand for."""
    try:
        value = bytes.fromhex(text[2:]) if text[:2] == "0x" and text[2:].isalnum() else b""
    except ValueError:
        value = b""
    if not value or (length is not None and len(value) != length):
        raise Refused(400, MALFORMED)
    return value
