"""Whose key signed 32 bytes: by libsecp256k1 in the loop where it is installed, else in a process of its own."""

import asyncio
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final

from eth_keys.backends.native.main import NativeECCBackend
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from polywire.io.signing import keccak256

try:
    import coincurve
except ImportError:  # it has no wheel for this Python
    coincurve = None  # type: ignore[assignment]

_SIGNATURE: Final = 65
_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_FIRST_V: Final = 27


class Recovery:
    """Recovers signers.

    Args:
        native: Whether to use libsecp256k1 (0.05 ms); else pure Python, which takes 6 to 11 ms, in a worker process.
            By default, whichever there is.
    """

    def __init__(self, *, native: bool | None = None) -> None:
        self._native = coincurve is not None if native is None else native
        self._worker: ProcessPoolExecutor | None = None

    async def signer(self, digest: bytes, signature: bytes) -> str | None:
        """Return the address of whoever signed, lower case; None where the bytes are no signature.

        Only one form of each signature is taken: the low half of s, and v of 27 or 28 (or 0 or 1).
        """
        normal = _normal(signature)
        if normal is None:
            return None
        if self._native:
            return _native_signer(digest, normal)
        try:
            return await self._asked(digest, normal)
        except BrokenProcessPool:  # somebody ended the worker: the question is put to another one, once
            return await self._asked(digest, normal)

    async def aclose(self) -> None:
        """End the worker."""
        if self._worker is not None:
            worker, self._worker = self._worker, None
            await asyncio.to_thread(worker.shutdown, cancel_futures=True)

    async def _asked(self, digest: bytes, signature: bytes) -> str | None:
        if self._worker is None:
            context = multiprocessing.get_context("spawn")
            self._worker = ProcessPoolExecutor(1, mp_context=context, initializer=_settle)
        worker = self._worker
        try:
            return await asyncio.get_running_loop().run_in_executor(worker, _pure_signer, digest, signature)
        except BrokenProcessPool:
            if self._worker is worker:
                self._worker = None
            raise


def _normal(signature: bytes) -> bytes | None:
    """Return a signature with v of 0 or 1; None where it is none, or not in its one form."""
    if len(signature) != _SIGNATURE:
        return None
    v = signature[64] - _FIRST_V if signature[64] >= _FIRST_V else signature[64]
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if v not in {0, 1} or not 0 < r < _ORDER or not 0 < s <= _ORDER // 2:
        return None
    return signature[:64] + bytes((v,))


def _native_signer(digest: bytes, signature: bytes) -> str | None:
    try:
        point = coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None).format(compressed=False)
    except ValueError:  # no point of the curve has this r
        return None
    return "0x" + keccak256(point[1:])[12:].hex()


def _settle() -> None:
    """Make a worker's end its parent's business: Ctrl-C reaches it too, and a killed parent cannot tell it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101 - this runs in a worker only
    parent.join()
    os._exit(0)


def _pure_signer(digest: bytes, signature: bytes) -> str | None:
    backend = NativeECCBackend()
    try:
        key = backend.ecdsa_recover(digest, Signature(signature, backend=backend))
    except (BadSignature, ValidationError, ValueError):
        return None
    return key.to_address()
