"""What is signed here, as 32 bytes each: the EIP-712 digests of an order, and of an order in a deposit wallet.

Written out over keccak-256: there are two of them, and their types do not change. That of a login is in
`polywire.io.signing`, for we sign logins too. Source: docs/protocol.md, "Signatures"; EIP-712; ERC-7739 for the nested
form.
"""

from enum import Enum
from functools import lru_cache
from typing import Final

import msgspec

from polywire.io.signing import keccak256

CHAIN_ID: Final = 80_002
"""Not 137: no order signed for us is a valid live one."""


class Contract(Enum):
    """A contract that orders are signed for: its address, and the version of its domain."""

    STANDARD = ("0xE111180000d2663C0091e4f400237545B87B996B", "2")
    NEG_RISK = ("0xe2222d279d744050d28e00520010520000310F59", "2")
    V3 = ("0xe3333700cA9d93003F00f0F71f8515005F6c00Aa", "3")

    @property
    def address(self) -> str:
        """Where it stands, checksummed."""
        return self.value[0]

    @property
    def version(self) -> str:
        """Of its domain."""
        return self.value[1]


NEG_RISK_ADAPTER: Final = "0xd91E80cF2E7be2e162c6513ceD06f1dD0dA35296"
COLLATERAL: Final = "0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB"
"""The token that stands for a dollar."""

ALLOWANCE_SPENDERS: Final = (*(contract.address for contract in Contract), NEG_RISK_ADAPTER)
"""Whom clients look up the allowance of."""

_UINT64: Final = (1 << 64) - 1
_POSITION_SHIFT: Final = 40


class SignedOrder(msgspec.Struct, frozen=True):
    """The fields of an order that are signed. Addresses are 20 bytes, words 32."""

    salt: int
    maker: bytes
    signer: bytes
    token: int
    maker_amount: int  # 1e-6
    taker_amount: int
    selling: bool
    signature_type: int
    timestamp: int  # Unix milliseconds
    metadata: bytes
    builder: bytes


ORDER_TYPE: Final = (
    b"Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,"
    b"uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)"
)
_ORDER: Final = keccak256(ORDER_TYPE)
_DOMAIN: Final = keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_NESTED: Final = keccak256(
    b"TypedDataSign(Order contents,string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
    + ORDER_TYPE
)
_EXCHANGE_NAME: Final = keccak256(b"Polymarket CTF Exchange")
_WALLET_NAME: Final = keccak256(b"DepositWallet")
_ONE: Final = keccak256(b"1")
_ZERO: Final = bytes(32)


def contract_for(token: int, *, neg_risk: bool) -> Contract:
    """Return the contract that orders of a token are signed for.

    Args:
        token: Its id. One of protocol version 2 is known by its shape.
        neg_risk: Whether its market is one of several that exclude one another.
    """
    if token >> _POSITION_SHIFT & _UINT64 == 0:
        return Contract.V3
    return Contract.NEG_RISK if neg_risk else Contract.STANDARD


@lru_cache(maxsize=64)
def domain_separator(contract: Contract, chain_id: int) -> bytes:
    """Return the EIP-712 domain separator of a contract on a chain."""
    version, address = keccak256(contract.version.encode()), _address(bytes.fromhex(contract.address[2:]))
    return keccak256(_DOMAIN + _EXCHANGE_NAME + version + _word(chain_id) + address)


def order_struct_hash(order: SignedOrder) -> bytes:
    """Return the hash of an order by itself, whatever contract it is for."""
    return keccak256(
        b"".join(
            (
                _ORDER,
                _word(order.salt),
                _address(order.maker),
                _address(order.signer),
                _word(order.token),
                _word(order.maker_amount),
                _word(order.taker_amount),
                _word(order.selling),
                _word(order.signature_type),
                _word(order.timestamp),
                order.metadata,
                order.builder,
            )
        )
    )


def order_digest(order: SignedOrder, contract: Contract, chain_id: int) -> bytes:
    """Return the digest of an order: its id, and what its owner signs unless a deposit wallet holds its funds."""
    return keccak256(b"\x19\x01" + domain_separator(contract, chain_id) + order_struct_hash(order))


def nested_digest(order: SignedOrder, contract: Contract, chain_id: int) -> bytes:
    """Return what the owner of a deposit wallet signs: the order inside the wallet's own typed data (ERC-7739)."""
    wallet = _WALLET_NAME + _ONE + _word(chain_id) + _address(order.signer) + _ZERO
    inner = keccak256(_NESTED + order_struct_hash(order) + wallet)
    return keccak256(b"\x19\x01" + domain_separator(contract, chain_id) + inner)


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _address(address: bytes) -> bytes:
    return address.rjust(32, b"\0")
