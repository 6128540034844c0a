"""The skills are whole: assistants can load them, every page is listed, every message that is decoded is shown."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

import frames
from polywire.model.credentials import ApiCredentials
from polywire.model.kinds import EventKind
from polywire.model.units import ConditionId
from polywire.model.venue import POLYMARKET
from polywire.wire.live import LiveDecoder
from polywire.wire.market import MarketDecoder
from polywire.wire.market_frames import FRAMES
from polywire.wire.requests import read_live_request, read_market_request, user_market_change, user_subscription
from polywire.wire.sink import Collector
from polywire.wire.tally import Tally
from polywire.wire.user import UserDecoder

ROOT = Path(__file__).parent.parent
SKILLS = ROOT / "skills"
REAL_TIME = SKILLS / "polymarket" / "real-time"
MANIFESTS = sorted(SKILLS.rglob("SKILL.md"))
PAGES = sorted(SKILLS.rglob("*.md"))
OVERVIEW = (REAL_TIME / "websocket-overview.md").read_text()


def named(page: Path) -> str:
    return str(page.relative_to(SKILLS))


def section(heading: str) -> str:
    """Return what stands under a heading of the overview, whatever its depth, up to the next of that depth or less."""
    marks = re.search(rf"^(#+) {re.escape(heading)}\n", OVERVIEW, re.MULTILINE)
    assert marks, f"the overview has no heading {heading!r}"
    return re.split(rf"^#{{1,{len(marks[1])}}} ", OVERVIEW[marks.end() :], maxsplit=1, flags=re.MULTILINE)[0]


def documents(text: str) -> list[str]:
    """Return the JSON documents of a text, each as it stands there."""
    found: list[str] = []
    for language, block in re.findall(r"^```(jsonl?)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        found += block.splitlines() if language == "jsonl" else [block]
    return found


# ---------------------------------------------------------------- what an assistant loads


def front_matter(page: Path) -> dict[str, str]:
    """Return the fields at a page's head: one a line, so that the simplest reader of YAML understands them."""
    head, _, body = page.read_text().removeprefix("---\n").partition("\n---\n")
    assert body.strip(), "a skill says something below its front matter"
    return dict(line.split(": ", 1) for line in head.splitlines())  # raises where a line is none


@pytest.mark.parametrize("page", MANIFESTS, ids=named)
def test_a_skill_is_named_by_its_folders_as_assistants_allow(page: Path) -> None:
    name = front_matter(page)["name"]
    assert name == "-".join(page.parent.relative_to(SKILLS).parts)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert len(name) <= 64


@pytest.mark.parametrize("page", MANIFESTS, ids=named)
def test_a_skills_description_says_when_to_load_it_within_1024_letters(page: Path) -> None:
    description = front_matter(page)["description"]
    assert 40 <= len(description) <= 1_024
    assert re.search(r"\buse\b.*\bwhen\b", description, re.IGNORECASE)


@pytest.mark.parametrize("page", MANIFESTS, ids=named)
def test_a_skills_front_matter_is_plain_yaml_and_only_of_fields_that_there_are(page: Path) -> None:
    fields = front_matter(page)
    assert fields.keys() <= {"name", "description", "license", "compatibility", "metadata", "allowed-tools"}
    for value in fields.values():
        plain = re.fullmatch(r"[A-Za-z0-9].*", value) and not re.search(r": |:$| #", value)
        assert plain or isinstance(json.loads(value), str)


@pytest.mark.parametrize("page", MANIFESTS, ids=named)
def test_a_skill_is_short_enough_for_an_assistant_to_load_whole(page: Path) -> None:
    assert len(page.read_text().splitlines()) < 500


# ---------------------------------------------------------------- pages


def test_the_table_of_documents_lists_every_page_and_nothing_else() -> None:
    table = (REAL_TIME / "README.md").read_text().split("## Documents\n", 1)[1].split("\n## ", 1)[0]
    listed = {(REAL_TIME / link).resolve() for link in re.findall(r"^\| \[[^]]*\]\(([^)]*)\)", table, re.MULTILINE)}
    assert listed == {*PAGES} - {REAL_TIME / "README.md"}


@pytest.mark.parametrize("page", sorted({*PAGES} - {*MANIFESTS}), ids=named)
def test_a_page_begins_with_what_it_is_for_and_ends_with_its_sources(page: Path) -> None:
    title, said, *_ = page.read_text().split("\n\n")
    assert title.startswith("# ")
    assert said.endswith(".")
    assert not said.startswith(("#", "|", "-", "`", "<"))
    assert re.findall(r"^## (.*)$", page.read_text(), re.MULTILINE)[-1] == "Sources"


@pytest.mark.parametrize("page", sorted({*PAGES} - {*MANIFESTS}), ids=named)
def test_every_issue_that_a_page_cites_is_linked_from_it(page: Path) -> None:
    text = page.read_text()
    cited = set(re.findall(r"\b([a-z][\w-]*(?:-[\w]+|_[\w]+)) issue (\d+)", " ".join(text.split())))
    linked = set(re.findall(r"github\.com/[\w-]+/([\w.-]+)/(?:issues|pull)/(\d+)", text))
    assert cited - linked == set()


# ---------------------------------------------------------------- the overview


def test_the_overview_has_the_address_of_every_stream_as_the_protocol_page_and_the_code_have_it() -> None:
    shown = set(re.findall(r"wss://[\w./-]+", OVERVIEW))
    addresses = msgspec.structs.asdict(POLYMARKET.urls).values()
    assert shown == {url for url in addresses if url.startswith("wss://")}
    protocol = (ROOT / "docs" / "protocol.md").read_text()
    assert {url for url in shown if f"`{url}`" not in protocol} == set()


def test_the_overview_names_every_kind_of_event_by_its_name() -> None:
    assert {str(kind) for kind in EventKind if f"`{kind}`" not in section("The same in Polywire's words")} == set()


def read(texts: list[bytes]) -> Tally:
    """Return what the decoders made of these messages, each given to the decoder of its own channel."""
    tally = Tally()
    market, live = MarketDecoder(Collector(), tally), LiveDecoder(lambda _: None, tally)
    user = UserDecoder(lambda _: None, tally)
    for text in texts:
        message: dict[str, Any] = json.loads(text)
        kind = message.get("event_type")
        decoder = live if kind is None else user if kind in {"order", "trade"} else market
        decoder.feed(text.strip(), seen_ns=0)
    if tally.changes:
        tally.message("price_change")
    return tally


MESSAGES = [
    text.encode()
    for channel in ("Market messages", "User messages", "Live messages")
    for text in documents(section(channel))
]


def test_the_overview_has_a_sample_of_every_message_that_is_decoded() -> None:
    """What is decoded has a frame by hand in tests/frames (`tests/wire/test_frames.py` holds that)."""
    known = read([frames.frame(name) for name in (*frames.names("live"), *frames.names("user"))])
    assert len(known.other_messages) > 20
    assert {*FRAMES, *known.other_messages} - {*read(MESSAGES).other_messages} == set()


def test_every_sample_is_decoded_whole_with_no_field_that_is_not_known() -> None:
    tally = read(MESSAGES)
    assert (tally.undecoded, tally.unknown_fields) == ({}, {})


@pytest.mark.parametrize(("heading", "kinds"), [("Market messages", FRAMES), ("User messages", ("order", "trade"))])
def test_every_event_type_has_a_row_in_its_channels_table(heading: str, kinds: Any) -> None:
    _header, *rows = re.findall(r"^\| `(\w+)` \|", section(heading), re.MULTILINE)
    assert rows == list(kinds)


def test_every_request_to_the_market_channel_is_one_that_an_exchange_takes() -> None:
    asked = [read_market_request(text.encode()) for text in documents(section("Market requests"))]
    assert [request.operation for request in asked] == ["first", "subscribe", "unsubscribe"]
    assert all(request.tokens for request in asked)


def test_every_request_to_the_user_channel_is_what_our_own_client_sends() -> None:
    first, *changes = [json.loads(text) for text in documents(section("User requests"))]
    auth = first["auth"]
    credentials = ApiCredentials(auth["apiKey"], auth["secret"], auth["passphrase"], "")
    assert first == json.loads(user_subscription(credentials))
    listed = [ConditionId(one) for one in changes[0]["markets"]]
    assert listed
    assert changes == [json.loads(user_market_change(way, listed)) for way in ("subscribe", "unsubscribe")]


def test_every_request_for_live_data_is_one_that_an_exchange_takes() -> None:
    asked = [read_live_request(text.encode()) for text in documents(section("Live requests"))]
    assert {request.action for request in asked} == {"subscribe", "unsubscribe"}
    assert {type(one.filters) for request in asked for one in request.subscriptions} == {str}
