"""`polywire alerts`, as its users run it: a real owner, a real exchange, its faults."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from cli.processes import ended, exchange_url, line_with, run, started, until, venue
from polywire.cli.condition_words import condition_said
from polywire.io.owner import endpoint, is_owned
from polywire.wire.watch_json import CONDITIONS, condition_of

PAGE = Path(__file__).parents[2] / "skills" / "polymarket" / "alerts" / "SKILL.md"
CROSSES = ("--when", "crosses level=0.9999 of=bid")  # it never comes true
SOON = {"POLYWIRE_LEAST_SILENCE_S": "1", "POLYWIRE_LONGEST_SILENCE_S": "2"}  # a silent token is doubted early


class House:
    """A running owner's data directory, its exchange, and markets that stay open for hours."""

    def __init__(self, data: Path, url: str) -> None:
        self.data, self.url = data, url
        self.markets: list[dict[str, Any]] = [one for one in venue(url)["markets"] if "-win-the-" in one["slug"]]

    def alerts(self, command: str, *arguments: str) -> "tuple[int, str, str]":
        """Run a command of `polywire alerts`; return its exit code and both outputs."""
        done = run("alerts", command, *arguments, "--data", str(self.data))
        return done.returncode, done.stdout, done.stderr

    def watches(self) -> dict[str, dict[str, Any]]:
        """Return every watch, by id."""
        code, out, errors = self.alerts("list", "--json")
        assert code == 0, errors
        return {one["id"]: one for one in json.loads(out)}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("house")
    with started("up", "--data", str(data), **SOON) as up:
        url = exchange_url(line_with(up, "the exchange is open"))
        line_with(up, "current,")
        yield House(data, url)


@pytest.fixture
def unowned(tmp_path: Path) -> Iterator[Path]:
    """Return a data directory; whoever owns it in the end is ended."""
    data = tmp_path / "data"
    yield data
    if (told := endpoint(data)) is not None and is_owned(data):
        os.kill(told.pid, signal.SIGTERM)
        until(lambda: not is_owned(data))


# ---------------------------------------------------------------- made, listed, removed


def test_a_watch_is_made_told_with_its_books_listed_and_removed(house: House) -> None:
    market = house.markets[0]
    code, out, errors = house.alerts("add", market["slug"], *CROSSES, "--name", "mine", "--label", "rain likely")
    assert (code, errors) == (0, "")
    first, *books, last = out.splitlines()
    assert first == "mine stands: crosses level=0.9999 of=bid"
    assert [line.split(":")[0].strip() for line in books] == [
        f"{market['question']} / {outcome}" for outcome in market["outcomes"]
    ]
    assert all(": current, bid " in line or ": quiet, bid " in line for line in books)
    told = re.fullmatch(
        rf"its entries: polywire (events --follow --watch mine --since [0-9a-f]{{12}}\.\d+) --data {house.data}", last
    )
    assert told is not None, last
    done = run(*told[1].split(), "--data", str(house.data), "--for", "0.5")
    assert (done.returncode, done.stderr) == (0, "")

    code, out, errors = house.alerts("list")
    assert (code, errors) == (0, "")
    head, *tokens, fares = out.splitlines()
    assert head == "mine (rain likely): crosses level=0.9999 of=bid"
    assert tokens == [f"  {market['question']} · {outcome}" for outcome in market["outcomes"]]
    assert "60 of 60 alerts left this hour" in fares
    assert fares.endswith("made by cli")

    code, out, errors = house.alerts("remove", "mine", "yours", "mine")
    assert (code, out) == (1, "")
    assert "polywire: mine is removed; its entries stay" in errors
    assert "no watch has the id 'yours'; there is none at all" in errors
    code, out, errors = house.alerts("list")
    assert (code, out) == (0, "")
    assert "polywire alerts add TARGET --when CONDITION" in errors


def test_asked_for_twice_it_is_one_and_another_condition_or_target_under_its_id_is_refused(house: House) -> None:
    slug, other = house.markets[0]["slug"], house.markets[1]["slug"]
    first = house.alerts("add", slug, *CROSSES, "--name", "one", "--budget", "7", "--json")
    again = house.alerts("add", slug, *CROSSES, "--name", "one", "--budget", "7", "--json")
    assert (first[0], again[0], first[2], again[2]) == (0, 0, "", "")
    made, made_again = json.loads(first[1]), json.loads(again[1])
    assert (made["existed"], made_again["existed"]) == (False, True)
    assert (made["watch"], made["cursor"]) == (made_again["watch"], made_again["cursor"])
    assert made["watch"]["condition"]["level"] == "0.9999"
    assert [book["slug"] for book in made["books"]] == [slug, slug]
    assert all(0 < float(book["bid"]) < float(book["ask"]) < 1 for book in made["books"])
    for arguments in ((other, *CROSSES), (slug, "--when", "crosses level=0.9")):
        code, out, errors = house.alerts("add", *arguments, "--name", "one")
        assert (code, out) == (1, "")
        assert "one is another watch, of another condition or other targets; choose another id" in errors
    code, _, errors = house.alerts("add", slug, *CROSSES, "--name", "one", "--label", "anew")
    assert code == 0
    assert "one keeps the label, cool-down, budget and expiry that it was made with" in errors
    assert house.watches()["one"]["label"] == ""
    assert house.watches()["one"]["budget"] == 7
    assert house.alerts("remove", "one")[0] == 0


def test_new_markets_and_own_trades_need_no_target(house: House) -> None:
    assert house.alerts("add", "--when", "created words='bitcoin up'", "--name", "new")[0] == 0
    assert house.alerts("add", "--when", "own-trades", "--name", "mine")[0] == 0
    conditions = {one: watch["condition"] for one, watch in house.watches().items()}
    assert conditions == {"new": {"type": "created", "words": "bitcoin up"}, "mine": {"type": "own-trades"}}
    assert house.alerts("remove", *conditions)[0] == 0


def test_an_unknown_target_is_refused_with_the_nearest_and_nothing_is_made(house: House) -> None:
    slug = house.markets[0]["slug"]
    code, out, errors = house.alerts("add", f"{slug[:-4]}zzzz", *CROSSES, "--name", "lost")
    assert (code, out) == (1, "")
    assert slug[:10] in errors.partition("nearest are")[2]
    assert house.watches() == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("SLUG", "--when", "cross level=0.5"), "did you mean crosses?"),
        (("SLUG", "--when", "crosses level=1.5"), "0.0001 to 0.9999 USDC"),
        (("SLUG", "--when", "crosses"), "as words: crosses level=0.55"),
        (("SLUG",), "--when"),
        (("--when", "crosses level=0.5"), "needs targets"),
        (("SLUG", "--when", "created"), "has no targets"),
        (("SLUG", *CROSSES, "--budget", "0"), "--budget"),
        (("SLUG", *CROSSES, "--cooldown", "-1"), "--cooldown"),
        (("SLUG", *CROSSES, "--expires", "nan"), "'--expires': Input should be greater than or equal to 0"),
        (("SLUG", *CROSSES, "--name", "a watch"), "cannot be a watch's id"),
    ],
)
def test_wrong_use_is_told_before_anything_is_started(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    data = tmp_path / "data"
    refused = run("alerts", "add", *arguments, "--data", str(data), COLUMNS="200")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert words in " ".join(refused.stderr.replace("│", " ").split())
    assert not data.exists()


# ---------------------------------------------------------------- in doubt


def test_a_token_that_is_frozen_is_listed_as_in_doubt_until_it_is_heard_again(house: House) -> None:
    token = house.markets[0]["tokens"][0]
    outcome = house.markets[0]["outcomes"][0]
    assert house.alerts("add", house.markets[0]["slug"], *CROSSES, "--name", "mine")[0] == 0
    fault(house.url, {"name": "freeze-token", "argument": token})
    try:
        until(lambda: house.watches()["mine"]["in_doubt"] == [token])
        _, out, _ = house.alerts("list")
        assert f"· {outcome}; in doubt: its book does not answer" in out
        assert "1 of 2 tokens in doubt" in out
    finally:
        fault(house.url, None)
    until(lambda: not house.watches()["mine"]["in_doubt"])
    assert house.alerts("remove", "mine")[0] == 0


def test_watches_are_listed_by_their_ids_while_the_venue_is_gone(unowned: Path) -> None:
    with started("exchange", "--port", "0", "--seed", "3") as exchange:
        url = exchange_url(line_with(exchange, "the exchange is open"))
        market = venue(url)["markets"][0]
        place = ("--data", str(unowned))
        made = run("alerts", "add", market["slug"], *CROSSES, "--name", "mine", *place, "--venue", url)
        assert made.returncode == 0, made.stderr
        assert "nothing is watched while no owner runs" in made.stderr
        exchange.kill()
        ended(exchange)
    told = json.loads(run("alerts", "list", "--json", *place).stdout)
    assert [one["token"] for one in told[0]["names"]] == market["tokens"]
    until(lambda: len(json.loads(run("alerts", "list", "--json", *place).stdout)[0]["in_doubt"]) == 2)
    people = run("alerts", "list", *place)
    assert people.returncode == 0
    assert f"market not known · token {market['tokens'][0]}; in doubt: its book does not answer" in people.stdout


def fault(url: str, body: dict[str, str] | None) -> None:
    """Turn a fault of an exchange on; None: turn all of them off."""
    data, method = (None, "DELETE") if body is None else (json.dumps(body).encode(), "POST")
    with urlopen(Request(f"{url}/venue/faults", data, method=method), timeout=10) as answer:  # noqa: S310 - ours
        assert answer.status == 200


# ---------------------------------------------------------------- waiting


def test_waiting_without_end_is_left_by_ctrl_c_and_only_who_waits_for_an_alert_is_told_that_none_came(
    house: House,
) -> None:
    for option, code_then in (("--wait", 0), ("--once", 130)):
        arguments = ("alerts", "add", house.markets[0]["slug"], *CROSSES, "--name", "mine", option)
        with started(*arguments, "--data", str(house.data)) as waiting:
            assert waiting.stdout is not None
            while "its entries" not in (line := waiting.stdout.readline()):
                assert line
            waiting.send_signal(signal.SIGINT)
            code, _, errors = ended(waiting)
        assert (code, errors) == (code_then, "")
    assert house.alerts("remove", "mine")[0] == 0


def test_each_entry_is_a_line_of_json_and_the_first_alert_ends_it(house: House) -> None:
    markets = [market["slug"] for market in house.markets]
    arguments = ("alerts", "add", *markets, "--when", "changes every_s=0.1", "--name", "prices", "--once", "--json")
    done = run(*arguments, "--data", str(house.data))
    assert (done.returncode, done.stderr) == (0, "")
    made, *entries = map(json.loads, done.stdout.splitlines())
    assert made["watch"]["id"] == "prices"
    assert [entry["kind"] for entry in entries][-1] == "price"
    assert [entry["kind"] for entry in entries].count("price") == 1
    assert {entry["watch"] for entry in entries} == {"prices"}
    assert int(entries[0]["cursor"].partition(".")[2]) > int(made["cursor"].partition(".")[2])
    assert house.alerts("remove", "prices")[0] == 0


def test_a_watch_that_expires_before_it_came_true_ends_with_exit_1(house: House) -> None:
    add = ("alerts", "add", house.markets[0]["slug"], *CROSSES, "--expires", "1", "--once")
    done = run(*add, "--data", str(house.data))
    assert (done.returncode, done.stderr) == (1, "")
    assert "this watch has ended, as its time is over" in done.stdout.splitlines()[-1]


# ---------------------------------------------------------------- what is written of it


@pytest.mark.parametrize("command", ["", "add", "list", "remove"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    done = run("alerts", *command.split(), "--help", COLUMNS="200")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Example: polywire alerts {command or 'add'}" in done.stdout


def test_help_and_the_skills_page_name_every_condition_and_the_page_its_fields_and_example() -> None:
    shown = run("alerts", "add", "--help", COLUMNS="200").stdout
    for doc in CONDITIONS:
        assert re.search(rf"\b{doc.name}\b", shown), doc.name
    table = PAGE.read_text().split("## Every condition\n", 1)[1].split("\n## ", 1)[0]
    rows = {row.split("|")[1].strip(" `"): row.split("|") for row in re.findall(r"^\| `.*$", table, re.MULTILINE)}
    assert list(rows) == [doc.name for doc in CONDITIONS]
    for doc in CONDITIONS:
        _, _, _, fields, example, _ = rows[doc.name]
        assert set(re.findall(r"`(\w+)`", fields)) == {field.name for field in doc.fields}, doc.name
        assert condition_said(example.strip(" `")) == condition_of(doc.example), doc.name
