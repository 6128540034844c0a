"""The questions as they go through a pipe."""

import inspect

import msgspec
import pytest

from polywire.errors import Misuse, OwnerGone
from polywire.services.access.calls import CALLS, answered, ask_of
from polywire.services.access.language import Access, EntriesWanted
from polywire.services.access.local import LocalAccess
from polywire.services.access.remote import RemoteAccess
from polywire.services.owner_protocol import Ask
from services.access.asked import PRICE, house
from services.watches.settings import wanted

pytestmark = pytest.mark.anyio


def methods(kind: type) -> dict[str, list[tuple[str, object]]]:
    """Return the arguments of every question a class answers, with their defaults."""
    return {
        name: [(one.name, one.default) for one in inspect.signature(getattr(kind, name)).parameters.values()]
        for name in vars(kind)
        if not name.startswith("_") and name != "run"
    }


def test_every_question_goes_through_and_is_the_same_on_both_sides() -> None:
    assert set(CALLS) == set(methods(Access))
    assert methods(LocalAccess) == methods(RemoteAccess) == methods(Access)


async def test_an_answer_comes_out_as_it_went_in() -> None:
    async with house() as at:
        ask = ask_of(1, "add_watch", wanted(condition=PRICE, id="mine"))
        made = CALLS["add_watch"].answer_of(await answered(at.access, ask))
        assert made.watch == (await at.access.watches())[0].watch
        assert made == msgspec.structs.replace(
            await at.access.add_watch(wanted(condition=PRICE, id="mine")), existed=False
        )
        everything = EntriesWanted("0123456789ab.0")
        page = CALLS["entries"].answer_of(await answered(at.access, ask_of(2, "entries", everything)))
        same = await at.access.entries(everything)
        assert len(page.entries) == len(same.entries) > 0
        assert msgspec.json.encode(page) == msgspec.json.encode(same)
        status = CALLS["status"].answer_of(await answered(at.access, ask_of(3, "status")))
        assert status["watches"]["count"] == 1


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (Ask("entires", msgspec.Raw(b"[]")), "'entries' comes near; there are: add_watch, "),
        (Ask("__init__", msgspec.Raw(b"[]")), "nothing answers '__init__'; there are"),
        (Ask("run", msgspec.Raw(b"[]")), "nothing answers 'run'"),
        (Ask("search", msgspec.Raw(b'["x"]')), "no arguments of `search`"),
        (Ask("search", msgspec.Raw(b'["x", "y"]')), "no arguments of `search`.*Expected `int`"),
        (Ask("newest", msgspec.Raw(b"{}")), "no arguments of `newest`"),
        (Ask("entries", msgspec.Raw(b'[{"kinds":["song"]}]')), "no arguments of `entries`.*song"),
    ],
)
async def test_what_is_no_question_is_refused_with_what_is(ask: Ask, words: str) -> None:
    async with house() as at:
        with pytest.raises(Misuse, match=words):
            await answered(at.access, ask)


def test_an_answer_of_another_version_is_told_from_an_answer() -> None:
    with pytest.raises(OwnerGone, match="answers in another language"):
        CALLS["newest"].answer_of(msgspec.Raw(b"7"))
