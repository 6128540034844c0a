"""Faults of requests: answers that are lost, late or refusals.

Sources: docs.polymarket.com, "Error codes" (500s), "Rate limits" (429 and its headers), "Geographic restrictions"; the
text of the 403 is what users report.
"""

# ruff: noqa: D102, ARG002 - what the hooks mean is said on `RequestFault`; most need not know all they are handed

import math
import time
from typing import Final, Literal

import msgspec

from polywire.exchange.faults.fault import Chance, Fault

Deed = Literal["place", "cancel", "other"]
"""What a request asks for: an order or a batch, one of the four cancels, or anything else but `/venue`."""


class Refusal(msgspec.Struct, frozen=True):
    """What a request is answered with, nothing having been done."""

    status: int
    error: str
    headers: tuple[tuple[str, str], ...] = ()


class RequestFault(Fault):
    """A fault of requests. Those that are on are asked in the order of `FAULTS`; the first refusal counts."""

    where = ("REST",)
    late_s: float = 0.0  # how much later an answer leaves

    def refuse(self, deed: Deed) -> Refusal | None:
        """Return what the request is refused with; None: it is let pass."""
        return None

    def lose(self, deed: Deed) -> bool:
        """Return whether the answer is lost once all is done."""
        return False


class Geoblock(RequestFault):
    """Refuses orders with 403, before keys and signatures are looked at; `GET /api/geoblock` says blocked."""

    name = "geoblock"
    _ERROR: Final = (
        "Trading restricted in your region, please refer to available regions - "
        "https://docs.polymarket.com/developers/CLOB/geoblock"
    )

    def refuse(self, deed: Deed) -> Refusal | None:
        return Refusal(403, self._ERROR) if deed == "place" and self.struck() else None


class RateLimit(RequestFault):
    """Refuses orders and cancels with 429, `Retry-After` and the signer's limits; all else is let pass."""

    name, takes, default = "rate-limit", "seconds to wait", "1"

    def prepare(self) -> None:
        self._wait_s = math.ceil(self.number(0, 3_600))

    def refuse(self, deed: Deed) -> Refusal | None:
        if deed == "other" or not self.struck():
            return None
        headers = {
            "Retry-After": f"{self._wait_s}",
            "Poly-RateLimit-Remaining": "0",
            "Poly-RateLimit-Reset": f"{math.ceil(time.time()) + self._wait_s}",
            "Poly-RateLimit-Tier": "Standard",
        }
        return Refusal(429, "Too Many Requests", tuple(headers.items()))


class ReadLimit(RequestFault):
    """Refuses all but orders and cancels with 429 and `Retry-After`; the venue mostly answers late instead."""

    name, takes, default = "read-limit", "seconds to wait", "1"

    def prepare(self) -> None:
        self._wait_s = math.ceil(self.number(0, 3_600))

    def refuse(self, deed: Deed) -> Refusal | None:
        if deed != "other" or not self.struck():
            return None
        return Refusal(429, "Too Many Requests", (("Retry-After", f"{self._wait_s}"),))


class ServerErrors(RequestFault, Chance):
    """Answers orders and cancels with 500 now and then, and does nothing."""

    name, default = "server-errors", "0.2"
    _PLACING: Final = ("could not insert order", "order timed out")

    def refuse(self, deed: Deed) -> Refusal | None:
        if deed == "other" or not self.struck():
            return None
        return Refusal(500, self.rng.choice(self._PLACING) if deed == "place" else "Internal server error")


class LostAnswer(RequestFault, Chance):
    """Does what an order or cancel asks for, then drops the connection without a byte of the answer."""

    name, default = "lost-answer", "0.2"

    def lose(self, deed: Deed) -> bool:
        return deed != "other" and self.struck()


class SlowAnswers(RequestFault):
    """Answers each request so many milliseconds late; what it asks for is done at once."""

    name, takes, default = "slow-answers", "milliseconds", "500"

    def prepare(self) -> None:
        self.late_s = self.number(0, 60_000) / 1_000
