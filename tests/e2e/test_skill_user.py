"""The ledger of the skill's page on the user channel, taken out of the page: it books what happened, and once."""

import ast
import base64
import json
import os
import random
import re
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from functools import cache
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any, Final

import anyio
import msgspec
import pytest
from anyio.abc import Process
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st
from polymarket import AsyncSecureClient, RequestRejectedError

from blocks.python_blocks import here
from e2e.own_orders import Truth, client_of, credentials_of, kept_exchange
from e2e.processes import asked, exchange
from e2e.traders import Market, choose, taken
from polywire.exchange.trading.records import TradeLeg, UserTrade
from polywire.io.signing import hmac_of
from polywire.model.credentials import ApiCredentials
from polywire.model.units import PRICE_ONE, SIZE_ONE
from real.conftest import real_data  # noqa: F401 - a fixture

pytestmark = pytest.mark.anyio

PAGE: Final = (Path(__file__).parents[2] / "skills" / "polymarket" / "real-time" / "user-channel.md").read_text()
_BLOCK: Final = re.compile(r"(<!-- continues -->\n)?```python\n(.*?)```", re.DOTALL)

ME, WALLET = "3f0c5d1e-8a42-4b7e-9c36-5d1e8a424b7e", "0x71C4a3F8b92D05e6A1c7f3B84d29E0a5C6f17D38"
BEGIN: Final = 1_795_600_000
RANK: Final = {"MATCHED_NOT_BROADCASTED": 0, "MATCHED": 0, "MINED": 1, "RETRYING": 1, "CONFIRMED": 2, "FAILED": 2}
LIVES: Final = (
    ("MATCHED", "MINED", "CONFIRMED"),
    ("MATCHED", "RETRYING", "MINED", "CONFIRMED"),
    ("MATCHED", "MINED", "RETRYING", "MINED", "CONFIRMED"),
    ("MATCHED", "FAILED"),
    ("MATCHED", "RETRYING", "FAILED"),
    ("MATCHED", "MINED", "RETRYING", "FAILED"),
)
Booked = tuple[str, str, Decimal, Decimal]  # token, side, price, size
Fills = dict[tuple[str, str], Booked]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# ------------------------------------------------------------ what stands on the page


def blocks_of(holding: str) -> list[str]:
    """Return the blocks of the program that holds a text."""
    programs: list[list[str]] = []
    for goes_on, block in _BLOCK.findall(PAGE):
        if goes_on:
            programs[-1].append(block)
        else:
            programs.append([block])
    (found,) = [program for program in programs if any(holding in block for block in program)]
    return found


@cache
def names_of(holding: str) -> dict[str, Any]:
    """Return what a block of the page defines; what it does beside that is left out."""
    (block,) = [block for _, block in _BLOCK.findall(PAGE) if holding in block]
    kept: list[ast.stmt] = [
        part
        for part in ast.parse(block).body
        if isinstance(part, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)
        or (isinstance(part, ast.Assign) and "environ" not in ast.unparse(part))
    ]
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(ast.Module(kept, []), "user-channel.md", "exec"), names)  # noqa: S102 - our own page
    return names


def new_ledger(me: str = ME, wallet: str = WALLET) -> Any:
    return names_of("class Ledger")["Ledger"](me, wallet, BEGIN)


def booked(ledger: Any) -> Fills:
    return {name: (fill.token, fill.side, fill.price, fill.size) for name, fill in ledger.standing().items()}


def sample() -> dict[str, Any]:
    """Return the trade that the page shows."""
    found = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    (trade,) = [one for one in found if one.get("event_type") == "trade"]
    return dict(trade)


# ------------------------------------------------------------ made-up trades


class Made(msgspec.Struct, frozen=True):
    """A trade, in every message that could tell of it, and what of it is ours."""

    id: str
    messages: tuple[tuple[str, dict[str, Any]], ...]  # the plain status, the message
    mine: dict[str, Booked]  # by order


Tale = tuple[list[Made], list[tuple[Made, str, dict[str, Any]]]]
"""Trades, and what is told of them: whose it is, the plain status, the message."""


def _leg(order: str, owner: str, wallet: str, part: Booked) -> dict[str, Any]:
    names = "order_id", "owner", "maker_address", "asset_id", "side", "price", "matched_amount"
    return dict(zip(names, (order, owner, wallet, *map(str, part)), strict=True))


_prices = st.integers(1, 99).map(lambda cents: Decimal(cents) / 100)
_sizes = st.integers(1, 10**9).map(lambda micro: Decimal(micro) / 1_000_000)
_parts: st.SearchStrategy[Booked] = st.tuples(
    st.sampled_from(["71", "93"]), st.sampled_from(["BUY", "SELL"]), _prices, _sizes
)
# Ours are known by either name, in whatever capitals.
_ours = st.sampled_from([(ME, WALLET), (ME.upper(), "0x00"), ("", WALLET.lower()), ("other", WALLET.upper())])


@st.composite
def made_trades(draw: st.DrawFn, number: int) -> Made:
    name, role = f"trade-{number}", draw(st.sampled_from(["TAKER", "MAKER"]))
    whole = draw(_parts)
    others = [
        _leg(f"0xother{at}", "stranger", "0x0f", part) for at, part in enumerate(draw(st.lists(_parts, max_size=3)))
    ]
    mine: dict[str, Booked] = {}
    legs = []
    if role == "TAKER":
        mine[f"0x{number}-taker"] = whole
    else:
        for at, part in enumerate(draw(st.lists(_parts, min_size=1, max_size=3))):
            mine[order := f"0x{number}-{at}"] = part
            legs.append(_leg(order, *draw(_ours), part))
    token, side, price, size = whole
    plain = {
        "event_type": "trade",
        "id": name,
        "trader_side": role,
        "taker_order_id": f"0x{number}-taker",
        "asset_id": token,
        "side": side,
        "price": str(price),
        "size": str(size),
        "match_time": str(BEGIN + number),
        "maker_orders": draw(st.permutations(legs + others)),
    }
    messages = [
        (status, plain | {"status": spelled})
        for status in draw(st.sampled_from(LIVES))
        for spelled in (status, f"TRADE_STATUS_{status}")
    ]
    if draw(st.booleans()):
        messages.append(("MATCHED", plain | {"status": "TRADE_STATUS_MATCHED_NOT_BROADCASTED"}))
    return Made(name, tuple(messages), mine)


@st.composite
def tales(draw: st.DrawFn) -> Tale:
    """Return trades, and what is told of them: anything left out, repeated, in any order."""
    trades = [draw(made_trades(number)) for number in range(draw(st.integers(1, 4)))]
    everything = [(trade, status, message) for trade in trades for status, message in trade.messages]
    return trades, draw(st.lists(st.sampled_from(everything), max_size=40))


def what_stands(heard: dict[str, set[str]], trades: list[Made]) -> Fills:
    return {
        (trade.id, order): part
        for trade in trades
        if heard.get(trade.id) and "FAILED" not in heard[trade.id]
        for order, part in trade.mine.items()
    }


@given(tales())
def test_after_each_message_every_own_fill_heard_of_stands_once_unless_its_trade_was_told_to_have_failed(
    tale: Tale,
) -> None:
    trades, told = tale
    ledger, heard = new_ledger(), dict[str, set[str]]()
    for trade, status, message in told:
        before = ledger.status.get(trade.id)
        assert ledger.take(message, "stream")
        heard.setdefault(trade.id, set()).add(status)
        assert booked(ledger) == what_stands(heard, trades)
        now = ledger.status[trade.id]
        assert before is None or RANK[now] >= RANK[before], "a state went back"
        assert RANK[now] == max(RANK[one] for one in heard[trade.id])
    assert ledger.unread == 0


@given(tales(), st.randoms())
def test_everything_taken_again_in_any_order_changes_nothing(tale: Tale, dice: random.Random) -> None:
    _, told = tale
    ledger = new_ledger()
    for _, _, message in told:
        ledger.take(message, "stream")
    fills, settled = dict(ledger.fills), {name: RANK[status] for name, status in ledger.status.items()}
    again = [message for _, _, message in told]
    dice.shuffle(again)
    ledger.restate(again)
    assert ledger.fills == fills
    assert {name: RANK[status] for name, status in ledger.status.items()} == settled


BROKEN: Final[dict[str, Callable[[dict[str, Any]], object]]] = {
    "an unknown status": lambda trade: trade.update(status="SETTLED"),
    "no id": lambda trade: trade.pop("id"),
    "no amount in the last own leg": lambda trade: trade["maker_orders"][-1].update(matched_amount=""),
    "a price that is none": lambda trade: trade["maker_orders"][-1].update(price="cheap"),
    "a time that is no second": lambda trade: trade.update(match_time="2026-11-29T16:00:00Z"),
    "legs that are none": lambda trade: trade.update(maker_orders=["0x1"]),
}


@pytest.mark.parametrize("spoil", BROKEN.values(), ids=BROKEN)
def test_a_trade_that_cannot_be_read_is_counted_and_nothing_of_it_is_booked(
    spoil: Callable[[dict[str, Any]], object],
) -> None:
    """The first of its two own legs is good: it must not be booked without the other."""
    trade = sample()
    trade["maker_orders"].append(trade["maker_orders"][0] | {"order_id": "0xsecond"})
    spoil(trade)
    ledger = new_ledger()
    assert not ledger.take(trade, "stream")
    assert (ledger.unread, booked(ledger), ledger.status) == (1, {}, {})


def test_the_trade_on_the_page_is_booked_as_the_page_says_by_each_of_its_three_sides() -> None:
    trade = sample()
    yes, no = trade["maker_orders"]
    name = trade["id"]
    first, second, taker = new_ledger(), new_ledger(no["owner"], no["maker_address"]), new_ledger("someone", "0x1")
    assert first.take(trade, "stream")
    assert second.take(trade, "stream")
    assert taker.take(trade | {"trader_side": "TAKER"}, "stream")
    assert booked(first) == {(name, yes["order_id"]): (yes["asset_id"], "BUY", Decimal("0.47"), Decimal("45.5"))}
    assert booked(second) == {(name, no["order_id"]): (no["asset_id"], "SELL", Decimal("0.53"), Decimal(15))}
    whole = (trade["asset_id"], "BUY", Decimal("0.53"), Decimal("60.5"))
    assert booked(taker) == {(name, trade["taker_order_id"]): whole}


def test_one_order_in_two_legs_of_a_trade_is_one_fill_of_both() -> None:
    trade = sample()
    trade["maker_orders"].append(trade["maker_orders"][0] | {"matched_amount": "4.5"})
    ledger = new_ledger()
    assert ledger.take(trade, "stream")
    assert [part[3] for part in booked(ledger).values()] == [Decimal(50)]


def test_a_trade_from_before_the_beginning_and_one_of_strangers_are_not_booked() -> None:
    ledger, stranger = new_ledger(), new_ledger("nobody", "0x2")
    assert ledger.take(sample() | {"match_time": str(BEGIN - 1)}, "REST")
    assert stranger.take(sample(), "stream")
    assert booked(ledger) == booked(stranger) == {}


def test_only_rest_moves_the_mark_and_an_old_trade_is_asked_for_until_it_is_final() -> None:
    ledger = new_ledger()
    begin = [{"after": str(BEGIN - 120)}]
    assert ledger.questions() == begin
    ledger.take(sample() | {"match_time": str(BEGIN + 1_000)}, "stream")
    assert ledger.questions() == begin
    ledger.restate([sample() | {"match_time": str(BEGIN + 2_000), "id": "later"}])
    assert ledger.questions() == [{"after": str(BEGIN + 1_880)}, {"id": sample()["id"]}]
    ledger.restate([sample() | {"match_time": str(BEGIN + 1_000), "status": "FAILED"}])
    assert ledger.questions() == [{"after": str(BEGIN + 1_880)}]
    assert [trade for trade, _ in ledger.standing()] == ["later"]


# ------------------------------------------------------------ signing


@given(st.binary(min_size=1, max_size=64), st.integers(0, 2**33), st.sampled_from(["", "="]), st.text(max_size=20))
def test_a_request_is_signed_as_polywire_signs_it_with_and_without_the_padding_of_the_secret(
    secret: bytes, at_s: int, cut: str, body: str
) -> None:
    text = base64.urlsafe_b64encode(secret).decode()
    signed = names_of("def signature")["signature"](text.rstrip(cut), str(at_s), "DELETE", "/order", body)
    assert signed == hmac_of(secret, f"{at_s}DELETE/order{body}".encode())


@pytest.mark.real
def test_a_request_is_signed_as_the_official_clients_sign_it(real_data: Path) -> None:  # noqa: F811 - the fixture
    vectors = json.loads((real_data / "protocol/samples/rest_signing_vectors.json").read_bytes())["l2_hmac"]
    assert vectors
    for one in vectors:
        told = str(one["timestamp"]), one["method"], one["path"], one["body"] or ""
        assert names_of("def signature")["signature"](one["secret"], *told) == one["signature"]


# ------------------------------------------------------------ against the exchange


class Follower:
    """The page's ledger in a process of its own.

    Attributes:
        lines: What it has printed.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self.lines: list[str] = []
        self._came = anyio.Event()

    async def read(self) -> None:
        """Note what it prints, until it ends."""
        rest = b""
        assert self._process.stdout is not None
        async for part in self._process.stdout:
            *whole, rest = (rest + part).split(b"\n")
            self.lines += [line.decode() for line in whole]
            came, self._came = self._came, anyio.Event()
            came.set()

    async def until_said(self, what: str, times: int) -> None:
        """Return once it has said something so often."""
        with anyio.fail_after(60):
            while sum(what in line for line in self.lines) < times:
                await self._came.wait()

    def end(self) -> None:
        """Have it look once more, and print its ledger."""
        self._process.send_signal(signal.SIGINT)

    @property
    def printed(self) -> list[dict[str, str]]:
        """Its ledger."""
        return [json.loads(line) for line in self.lines if line.startswith("{")]


def environment_of(credentials: ApiCredentials) -> dict[str, str]:
    names = "POLYMARKET_API_KEY", "POLYMARKET_API_SECRET", "POLYMARKET_PASSPHRASE", "POLYGON_ADDRESS"
    own = credentials.key, credentials.secret, credentials.passphrase, credentials.address
    return dict(zip(names, own, strict=True))


async def command_for(url: str, program: str) -> list[str]:
    """Return what runs a program of the page, with the exchange's addresses in place of the venue's."""
    return [sys.executable, "-P", "-c", here(program, (await asked(f"{url}/venue?ledger=0"))["urls"])]


async def ran(url: str, program: str, environment: dict[str, str], folder: Path) -> tuple[int, str]:
    """Run a program of the page; return its exit code and all that it said."""
    command, around = await command_for(url, program), {**os.environ, **environment}
    with anyio.fail_after(40):
        done = await anyio.run_process(command, env=around, cwd=folder, check=False, stderr=STDOUT)
    return done.returncode, done.stdout.decode()


@asynccontextmanager
async def follower(url: str, credentials: ApiCredentials) -> AsyncIterator[Follower]:
    """Run the page's ledger until it is told to end, within three minutes; it says nothing on standard error."""
    command = [*await command_for(url, "".join(blocks_of("class Ledger"))), "180"]
    around = {**os.environ, **environment_of(credentials)}
    async with await anyio.open_process(command, stdout=PIPE, stderr=PIPE, env=around) as process:
        one = Follower(process)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(one.read)
                yield one
            assert process.stderr is not None
            complaint = b"".join([part async for part in process.stderr])
            with anyio.fail_after(10):
                assert (await process.wait(), complaint.decode()) == (0, "")
        finally:
            if process.returncode is None:
                process.kill()


async def traded(mine: AsyncSecureClient, other: AsyncSecureClient, market: Market, rounds: int) -> None:
    """Take, rest and cancel, and wait at the best price until another takes all that stands there."""
    for at in range(rounds):
        token, against = market.tokens if at % 2 else market.tokens[::-1]
        with suppress(RequestRejectedError):  # the book has moved: no matter
            await mine.place_limit_order(asset_id=token, side="BUY", price=1 - market.tick, size=5 + at)
            rests = taken(await mine.place_limit_order(asset_id=token, side="BUY", price=market.tick, size=20))
            await mine.cancel_order(order_id=rests.order_id)
            for best in (await mine.get_order_book(asset_id=token)).bids[-1:]:
                size = int(best.size) + 11
                await mine.place_limit_order(asset_id=token, side="BUY", price=best.price, size=10)
                await other.place_limit_order(asset_id=against, side="BUY", price=1 - best.price, size=size)
    for client in (mine, other):  # so that nothing more is filled
        await client.cancel_all()


@asynccontextmanager
async def unheard(url: str, ledger: Follower) -> AsyncIterator[None]:
    """Drop the ledger's socket, and let it have no other for as long as the block runs."""
    for fault in ("refuse@user", "drop-connection@user"):
        await asked(f"{url}/venue/faults", {"name": fault})
    await ledger.until_said("no socket", 1)
    yield
    for fault in ("drop-connection@user", "refuse@user"):
        await asked(f"{url}/venue/faults/{fault}", method="DELETE")


def filled(truth: Truth) -> int:
    """Return how many fills there were, those that failed too."""
    parts = [{trade.order, *(leg.order for leg in trade.legs)} for trade in truth.trades.values()]
    return sum(len(orders & truth.orders.keys()) for orders in parts)


def truly(truth: Truth) -> Fills:
    """Return the fills that the exchange has kept and that have not failed."""
    found: Fills = {}
    for trade in truth.trades.values():
        parts: list[UserTrade | TradeLeg] = [trade, *trade.legs]
        for part in parts:
            if (trade.id, part.order) in truth.fills:
                price, size = Decimal(part.price) / PRICE_ONE, Decimal(part.size) / SIZE_ONE
                found[trade.id, part.order] = str(part.token), part.side, price, size
    return found


async def test_every_fill_is_in_the_printed_ledger_once_though_the_socket_is_lost_while_orders_flow(
    tmp_path: Path,
) -> None:
    path = tmp_path / "exchange.sqlite3"
    async with (
        kept_exchange(path, "--seed", "5", "--grant", "1000000") as url,
        client_of(url) as mine,
        client_of(url) as other,
    ):
        market, credentials = await choose(mine, neg_risk=False), credentials_of(mine)
        async with follower(url, credentials) as ledger:
            await ledger.until_said("listening", 1)
            for fault, argument in (("user-duplicate", "0.3"), ("user-reorder", "0.3"), ("ghost-fill", "0.25")):
                await asked(f"{url}/venue/faults", {"name": fault, "argument": argument})
            await traded(mine, other, market, 8)
            async with unheard(url, ledger):
                await traded(mine, other, market, 4)
            await ledger.until_said("listening", 2)
            await ledger.until_said(f"{filled(Truth(path, credentials.key))} fills are known", 1)
            await traded(mine, other, market, 8)
            await asked(f"{url}/venue/clock", {"paused": True})
            for _ in range(3):  # mined after 1.5 s, confirmed after 4 s
                await asked(f"{url}/venue/clock", {"step_ms": 5_000})
            await asked(f"{url}/venue/faults", method="DELETE")
            ledger.end()
    printed, truth = ledger.printed, Truth(path, credentials.key)
    told = {
        (one["trade"], one["order"]): (one["token"], one["side"], Decimal(one["price"]), Decimal(one["size"]))
        for one in printed
    }
    assert told == truly(truth)
    assert len(told) == len(printed), "a fill twice"
    assert {one["status"] for one in printed} == {"CONFIRMED"}
    assert {trade.state.value for trade in truth.trades.values()} == {"CONFIRMED", "FAILED"}
    assert {one["told_by"] for one in printed} == {"stream", "REST"}
    assert {order == truth.trades[trade].order for trade, order in told} == {True, False}, "as taker and as maker"


async def test_credentials_that_are_not_good_end_it_at_once_and_nothing_shows_them(tmp_path: Path) -> None:
    async with kept_exchange(tmp_path / "exchange.sqlite3") as url, client_of(url) as client:
        good = credentials_of(client)
        bad = ApiCredentials(good.key, "YW5vdGhlciBzZWNyZXQ=", good.passphrase, good.address)
        code, said = await ran(url, "".join(blocks_of("class Ledger")), environment_of(bad), tmp_path)
    assert (code, "HTTP Error 401" in said) == (1, True)
    assert not any(secret in said for secret in (bad.secret, bad.passphrase))


async def test_the_official_client_writes_a_key_that_is_good_into_a_file_of_ones_own(tmp_path: Path) -> None:
    """The block is run with the exchange's chain id in place of Polygon's, for which alone it makes keys."""
    async with exchange() as url:
        chain = (await asked(f"{url}/venue?ledger=0"))["chain_id"]
        (block,) = blocks_of("create_or_derive_api_key")
        assert block.count(" 137,") == 1
        key = {"POLYGON_PRIVATE_KEY": Account.create().key.hex()}
        made = await ran(url, block.replace(" 137,", f" {chain},"), key, tmp_path)
        written = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
        checked = await ran(url, blocks_of("class Ledger")[0], written, tmp_path)
    assert made == (0, f"API key {written['POLYMARKET_API_KEY']} is in .env\n")
    assert checked == (0, "the credentials are good, 0 orders rest\n")
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
