"""The runner of the blocks finds what is wrong with a page."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sybil import Document
from sybil.example import SybilFailure

from blocks.pages import PAGES
from blocks.python_blocks import here, left_of_polymarket
from blocks.shell_blocks import checkout, commands
from blocks.venue import Place, processes_that_name
from cli.processes import gone

URLS = {
    "market_ws": "ws://h/ws/market",
    "rtds_ws": "ws://h/rtds",
    "clob": "http://h/clob",
    "gamma": "http://h/gamma",
    "data": "http://h/data",
}
BOOK = '{"event_type": "book", "market": "0x1", "asset_id": "7", "timestamp": "1", "hash": "", "bids": [], "asks": []}'
PRODUCTION = """
"wss://ws-subscriptions-clob.polymarket.com/ws/market" "wss://ws-subscriptions-clob.polymarket.com/ws/user"
"wss://ws-live-data.polymarket.com" "https://clob.polymarket.com/book" "https://gamma-api.polymarket.com/markets"
"https://data-api.polymarket.com/trades"
"""
Write = Callable[..., Document]


@pytest.fixture
def written(tmp_path: Path, place: Place) -> Write:
    """Return what makes a page of lines."""

    def write(*lines: str) -> Document:
        (tmp_path / "page.md").write_text("\n".join(lines) + "\n")
        page = PAGES.parse(tmp_path / "page.md")
        page.namespace["place"] = place
        return page

    return write


def fault(page: Document, number: int = 0) -> str | None:
    """Run a block of a page; return what is wrong with it."""
    try:
        list(page.examples())[number].evaluate()
    except SybilFailure as failure:
        return failure.result
    return None


# ---------------------------------------------------------------- what is a block


def test_every_block_is_a_test_by_its_line_but_for_those_that_are_only_shown(written: Write) -> None:
    page = written("```sh", "true", "```", "- one", "  ```json", "  {}", "  ```", "```text", "x", "```")
    assert [PAGES.identify(example) for example in page.examples()] == ["1-sh", "5-json"]


@pytest.mark.parametrize("language", ["", "py", "console"])
def test_a_block_of_no_known_language_fails(written: Write, language: str) -> None:
    assert "the language of a block is one of" in (fault(written(f"```{language}", "x", "```")) or "")


def test_a_skip_tells_its_reason(written: Write) -> None:
    page = written('<!-- skip: next "it needs a wallet with money" -->', "```python", "1 / 0", "```")
    with pytest.raises(pytest.skip.Exception, match="it needs a wallet with money"):
        fault(page)


@pytest.mark.parametrize("mark", ["skip: next", 'skip: next ""', "skip: next no quotes", 'skip "it needs money"'])
def test_a_skip_without_a_reason_fails(written: Write, mark: str) -> None:
    page = written(f"<!-- {mark} -->", "```python", "print(1)", "```")
    assert "a block is skipped with its reason" in (fault(page) or "")


def test_a_mark_before_no_block_fails(written: Write) -> None:
    page = written('<!-- skip: next "it needs a wallet with money" -->', "", "```python", "print(1)", "```")
    assert fault(page) == "this comment stands before no block"
    assert fault(page, 1) is None


def test_an_unknown_mark_fails_and_one_inside_a_block_is_none(written: Write) -> None:
    assert "no such mark" in (fault(written("<!-- continued -->", "```python", "print(1)", "```")) or "")
    assert fault(written("```python", "print(1)", "'''", "<!-- skip: next -->", "'''", "```")) is None


# ---------------------------------------------------------------- Python


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("print(1)\n1 / 0", "ZeroDivisionError"),
        ("import sys\nprint(1)\nprint('a warning', file=sys.stderr)", "a warning"),
        ("print(1)\nraise SystemExit(3)", "it ended with code 3"),
        ("x = 1", "it printed nothing"),
        ("import os\nprint(os.listdir('.'))\nassert os.listdir('.')", "AssertionError"),
    ],
)
def test_a_program_that_fails_or_is_not_clean_fails(written: Write, program: str, told: str) -> None:
    assert told in (fault(written("```python", program, "```")) or "")


def test_a_traceback_names_the_page_and_its_line(written: Write) -> None:
    page = written("# A page", "", "```python", "print(1)", "1 / 0", "```")
    assert 'page.md", line 5' in (fault(page) or "")


def test_a_block_that_continues_runs_behind_those_before_it_and_the_first_need_not_print(written: Write) -> None:
    chain = ["```python", "x = [1]", "```", "", "<!-- continues -->", "```python", "x.append(2)", "print(x)", "```"]
    page = written(*chain, "", "<!-- continues -->", "```python", "assert x == [1, 2]", "1 / 0", "```")
    assert fault(page) is None
    assert fault(page, 1) is None
    assert 'page.md", line 14' in (fault(page, 2) or "")


def test_a_block_that_continues_nothing_fails(written: Write) -> None:
    page = written("<!-- continues -->", "```python", "print(1)", "```")
    assert fault(page) == "it goes on from a block of python, and there is none before it"


def test_every_address_of_production_becomes_one_of_the_exchange() -> None:
    local = here(PRODUCTION, URLS)
    assert left_of_polymarket(PRODUCTION)
    assert left_of_polymarket(local) == []
    assert local.split() == [
        f'"{address}"'
        for address in (
            *("ws://h/ws/market", "ws://h/ws/user", "ws://h/rtds"),
            *("http://h/clob/book", "http://h/gamma/markets", "http://h/data/trades"),
        )
    ]


@pytest.mark.parametrize(
    "address", ["sports-api.polymarket.com", "https://polymarket.com/api/geoblock", "http://clob.polymarket.com"]
)
def test_a_program_that_would_go_to_polymarket_is_not_run(written: Write, tmp_path: Path, address: str) -> None:
    trace = tmp_path / "trace"
    page = written("```python", f"open({str(trace)!r}, 'w')", f"print({address!r})", "```")
    assert "it would go to Polymarket itself" in (fault(page) or "")
    assert not trace.exists()


def test_a_program_that_hides_where_it_goes_does_not_leave_this_machine(written: Write) -> None:
    program = "import urllib.request\nurllib.request.urlopen('https://' + 'polymarket' + '.com', timeout=5)"
    assert "Connection refused" in (fault(written("```python", program, "```")) or "")


def test_a_program_is_given_the_exchange_and_a_trader_where_it_asks_for_one(written: Write) -> None:
    asks = "import os\nprint(os.environ['POLYWIRE_VENUE'], os.environ['POLYGON_ADDRESS'][:2] == '0x')"
    assert fault(written("```python", asks, "```")) is None
    asks_not = "import os\nprint(1)\nassert not [name for name in os.environ if name[:10] == 'POLYMARKET']"
    assert fault(written("```python", asks_not, "```")) is None


def test_what_a_program_starts_in_the_background_ends_with_it(written: Write, tmp_path: Path) -> None:
    program = f"""
import os, pathlib, subprocess, sys
subprocess.run([sys.executable, "-P", "-m", "polywire", "events", "--for", "0"], stderr=subprocess.DEVNULL)
data = pathlib.Path(os.environ["POLYWIRE_DATA"])
assert (data / "up.log").exists()
print(pathlib.Path({str(tmp_path / "trace")!r}).write_text(str(data)))
"""
    assert fault(written("```python", program, "```")) is None
    assert processes_that_name((tmp_path / "trace").read_text()) == []


# ---------------------------------------------------------------- shell


def test_commands_are_lines_without_their_comments() -> None:
    assert commands("one \\\n  --two   # three\n\n# four\nfive '#6'\n") == ["one    --two", "five '#6'"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("false", "it ended with code 1"),
        ("./polywire no-such-command", "No such command"),
        ("python -c 'raise KeyError' || true", "Traceback"),
        ("./polywire watch SLUG --venue live", "it goes to Polymarket itself"),
        ("pip install polywire", "or installs something"),
    ],
)
def test_a_command_that_fails_fails_its_block(written: Write, line: str, told: str) -> None:
    page = written("```sh", "true", line, "false  # not reached", "```")
    found = fault(page) or ""
    assert told in found
    assert "not reached" not in found


def test_names_in_capitals_and_ports_stand_for_real_ones(written: Write) -> None:
    asks = "./polywire watch TOKEN --jsonl --for 2"
    assert fault(written("```sh", asks, "./polywire events --since CURSOR", "```")) is None
    served = "python -c 'import urllib.request as r; print(r.urlopen(\"http://127.0.0.1:8421/venue\").status)'"
    assert fault(written("```sh", served, "```")) is None


def test_what_runs_on_is_interrupted_and_what_runs_beside_serves_the_lines_behind_it(written: Write) -> None:
    served = "python -c 'import urllib.request as r; print(r.urlopen(\"http://127.0.0.1:8421/venue\").status)'"
    page = written("```sh", "./polywire exchange --port 8421 &", served, "./polywire watch SLUG", "```")
    assert fault(page) is None


def test_what_an_interrupt_does_not_end_well_fails(written: Write) -> None:
    page = written("```sh", "echo polywire; python -c 'import time; time.sleep(60)' polywire", "```")
    assert "interrupted: it ended with code 130" in (fault(page) or "")


@pytest.mark.parametrize("for_s", ["0", "6"])
def test_nothing_is_left_running_behind_a_block(place: Place, for_s: str) -> None:
    """Neither an owner that serves nor one that has only been started."""
    with checkout(place) as shell:
        assert shell.type(f"./polywire events --for {for_s}") is None
        started = processes_that_name(str(shell.folder))
        assert len(started) == 1
    assert gone(started[0])


# ---------------------------------------------------------------- data


@pytest.mark.parametrize(
    ("language", "text", "told"),
    [
        ("json", '{"a": 1,}', "it is no JSON"),
        ("json", '{"event_type": "price_change", "market": "0x1"}', "Polywire cannot read this message"),
        ("json", '{"event_type": "no_such_event"}', "Polywire cannot read this message"),
        ("json", '{"topic": "crypto_prices", "type": "update", "payload": {}}', "Polywire cannot read this message"),
        ("jsonl", '{"a": 1}\n{"a": }', "line 2: it is no JSON"),
        ("toml", "a =", "it is no TOML"),
    ],
)
def test_data_that_does_not_parse_or_decode_fails(written: Write, language: str, text: str, told: str) -> None:
    assert told in (fault(written(f"```{language}", text, "```")) or "")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("json", '{"type": "market", "assets_ids": ["7"]}'),
        ("jsonl", '{"a": 1}\n[]'),
        ("toml", 'venue = "live"'),
        ("json", f"[{BOOK}]"),
    ],
)
def test_data_that_parses_and_decodes_passes(written: Write, language: str, text: str) -> None:
    assert fault(written(f"```{language}", text, "```")) is None
