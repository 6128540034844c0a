"""What waits for an assistant is given to it once, in order, and from where it stopped; over real HTTP."""

from typing import Any

import anyio
import httpx2
import pytest

from interfaces.mcp.stages import ERAS, Listener, connected, over_http, until
from loopback import PATIENCE_S
from polywire.interfaces.mcp.host import Pace

pytestmark = pytest.mark.anyio


def texts(answer: dict[str, Any]) -> list[str]:
    return [event["text"] for event in answer["events"]]


async def subscribed(assistant: Listener, **options: Any) -> str:
    answer = await assistant.call("subscribe_market_prices", market_ids="rain", **options)
    name: str = answer["subscription_id"]
    return name


@pytest.mark.parametrize("era", ERAS)
async def test_each_event_is_given_once_however_subscriptions_are_asked_for_together(era: str) -> None:
    with anyio.fail_after(PATIENCE_S):
        async with over_http() as stage, connected(stage, era) as assistant:
            one, other = await subscribed(assistant), await subscribed(assistant)
            stage.access.put(one, "first")
            stage.access.put(other, "second")
            assert texts(await assistant.call("wait_for_events", subscription_ids=[one])) == ["first"]
            stage.access.put(one, "third")
            both = await assistant.call("wait_for_events", subscription_ids=[one, other])
            assert texts(both) == ["second", "third"]
            assert both["pending_events"] == 0
            again = await assistant.call("get_events", subscription_ids=[one, other])
            assert texts(again) == []


async def test_without_ids_a_session_is_given_its_own_subscriptions_events() -> None:
    with anyio.fail_after(PATIENCE_S):
        async with over_http() as stage, connected(stage, "legacy") as mine, connected(stage, "legacy") as others:
            own, strange = await subscribed(mine), await subscribed(others)
            stage.access.put(strange, "of another")
            stage.access.put(own, "mine")
            assert texts(await mine.call("wait_for_events")) == ["mine"]
            assert texts(await mine.call("get_events")) == []
            assert texts(await others.call("wait_for_events")) == ["of another"]


async def test_a_client_without_a_session_is_told_to_name_its_place_and_loses_nothing_if_it_does_not() -> None:
    with anyio.fail_after(PATIENCE_S):
        async with over_http() as stage, connected(stage, "2026-07-28") as assistant:
            await subscribed(assistant)
            name = await subscribed(assistant)
            stage.access.put(name, "first")
            assert texts(await assistant.call("wait_for_events")) == ["first"]
            answer = await assistant.call("wait_for_events")
            assert texts(answer) == ["first"]  # of its name there may be two: rather twice than never
            assert answer["message"].endswith(f'Go on with since="{answer["cursor"]}".')
            assert texts(await assistant.call("get_events", since=answer["cursor"])) == []


async def test_a_cursor_takes_a_reader_back_and_his_place_stays() -> None:
    with anyio.fail_after(PATIENCE_S):
        async with over_http() as stage, connected(stage, "legacy") as assistant:
            name = await subscribed(assistant)
            for text in ("a", "b", "c"):
                stage.access.put(name, text)
            first = await assistant.call("get_events", limit=2)
            assert (texts(first), first["pending_events"]) == (["a", "b"], 1)
            after_a = first["events"][0]["cursor"]
            assert texts(await assistant.call("get_events", since=after_a, limit=1)) == ["b"]
            assert texts(await assistant.call("get_events")) == ["c"]


async def test_of_a_subscription_that_another_made_all_that_is_kept_is_given_first() -> None:
    """An assistant that starts anew finds what happened while it was away."""
    with anyio.fail_after(PATIENCE_S):
        async with over_http() as stage:
            async with connected(stage, "legacy") as former:
                name = await subscribed(former)
            stage.access.put(name, "while nobody looked")
            async with connected(stage, "legacy") as assistant:
                assert texts(await assistant.call("wait_for_events", subscription_ids=[name])) == [
                    "while nobody looked"
                ]
                wrong = await assistant.refused("wait_for_events", subscription_ids=["w-l"])
                assert "there is no subscription 'w-l'; the nearest are w-1" in wrong.lower()


async def test_a_bad_cursor_is_answered_with_where_to_start() -> None:
    with anyio.fail_after(PATIENCE_S):
        async with over_http() as stage, connected(stage, "legacy") as assistant:
            name = await subscribed(assistant)
            for number in range(5):
                stage.access.put(name, str(number))
            stage.access.forget(2)
            for since, said in (
                ("yesterday", "is no cursor"),
                ("ba9876543210.3", "of another journal"),
                ("0123456789ab.99", "beyond the newest entry"),
            ):
                told = await assistant.refused("get_events", since=since)
                assert said in told
                assert "0123456789ab.2 (all that is kept) or 0123456789ab.5 (what comes from now on)" in told
            late = await assistant.call("get_events", since="0123456789ab.0")
            assert (texts(late), late["truncated"]) == (["2", "3", "4"], 2)
            assert "2 entries before these were removed" in late["message"]


async def test_a_journal_that_is_another_is_begun_from_its_oldest_entry() -> None:
    with anyio.fail_after(PATIENCE_S):
        async with over_http() as stage, connected(stage, "legacy") as assistant:
            name = await subscribed(assistant)
            stage.access.put(name, "before")
            assert texts(await assistant.call("wait_for_events")) == ["before"]
            stage.access.rows.clear()
            stage.access.put(name, "after")
            stage.access.set(journal="ffffffffffff")
            answer = await assistant.call("wait_for_events")
            assert texts(answer) == ["after"]
            assert "The journal is another than before" in answer["message"]
            assert texts(await assistant.call("get_events")) == []


async def test_fifty_at_once_and_the_rest_after() -> None:
    with anyio.fail_after(PATIENCE_S):
        async with over_http() as stage, connected(stage, "legacy") as assistant:
            name = await subscribed(assistant)
            for number in range(120):
                stage.access.put(name, str(number))
            given: list[str] = []
            pending = []
            for _ in range(3):
                answer = await assistant.call("wait_for_events")
                given += texts(answer)
                pending.append(answer["pending_events"])
            assert given == [str(number) for number in range(120)]
            assert pending == [70, 20, 0]


async def test_a_wait_goes_on_over_the_death_of_the_owner() -> None:
    with anyio.fail_after(PATIENCE_S):
        async with over_http() as stage, connected(stage, "legacy") as assistant:
            name = await subscribed(assistant)
            answers: list[dict[str, Any]] = []

            async def wait() -> None:
                answers.append(await assistant.call("wait_for_events", timeout_s=30))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await until(lambda: stage.access.readers == 2)  # the follower, and the tool
                stage.access.set(gone=True)
                await until(lambda: stage.access.refusals >= 3)
                stage.access.set(gone=False)
                stage.access.put(name, "after its death")
            assert texts(answers[0]) == ["after its death"]


async def test_a_wait_goes_on_where_the_owner_is_silent_for_a_while() -> None:
    """An owner that is started anew is silent for longer than an answer may take."""
    with anyio.fail_after(PATIENCE_S):
        pace = Pace(answer_s=0.05, progress_s=0.05, retry_s=0.01)
        async with over_http(pace) as stage, connected(stage, "legacy") as assistant:
            name = await subscribed(assistant)
            answers: list[dict[str, Any]] = []

            async def wait() -> None:
                told = await assistant.client.call_tool(
                    "wait_for_events", {"timeout_s": 30}, progress_callback=assistant.progress
                )
                answers.append(told.structured_content or {})

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await assistant.until(lambda: bool(assistant.words))
                stage.access.set(mute=True)
                await until(lambda: stage.access.abandoned >= 3)
                stage.access.set(mute=False)
                stage.access.put(name, "after its silence")
            assert texts(answers[0]) == ["after its silence"]


async def test_what_was_read_is_given_even_where_nothing_can_be_told_beside_it() -> None:
    with anyio.fail_after(PATIENCE_S):
        async with over_http(Pace(aside_s=0.05)) as stage, connected(stage, "legacy") as assistant:
            name = await subscribed(assistant)
            stage.access.put(name, "it happened")
            stage.access.questions_left = 1
            answer = await assistant.call("wait_for_events")
            assert (texts(answer), answer["pending_events"]) == (["it happened"], None)


async def test_updates_of_one_resource_are_conflated() -> None:
    with anyio.fail_after(PATIENCE_S):
        async with over_http(Pace(update_s=0.4)) as stage, connected(stage, "2026-07-28") as assistant:
            busy, calm = await subscribed(assistant), await subscribed(assistant)
            uris = [f"polymarket://events/{name}" for name in (busy, calm)]
            async with assistant.client.listen(resource_subscriptions=uris) as stream:
                heard: list[str] = []
                while heard.count(uris[0]) < 2:  # the first at once, what comes after it in one
                    for _ in range(30):
                        stage.access.put(busy)
                    heard.append((await anext(stream)).uri)  # type: ignore[union-attr]
                stage.access.put(calm)
                while uris[1] not in heard:
                    heard.append((await anext(stream)).uri)  # type: ignore[union-attr]
                assert heard.count(uris[0]) <= 3


async def test_the_follower_tells_after_the_owner_was_gone() -> None:
    with anyio.fail_after(PATIENCE_S):
        async with over_http() as stage, connected(stage, "2026-07-28") as assistant:
            name = await subscribed(assistant)
            uris = [f"polymarket://events/{name}", "polymarket://websocket-status"]
            async with assistant.client.listen(resource_subscriptions=uris) as stream:
                stage.access.set(gone=True)
                assert (await anext(stream)).uri == uris[1]  # type: ignore[union-attr] # that it is gone is news too
                stage.access.set(gone=False)
                stage.access.put(name)
                while (await anext(stream)).uri != uris[0]:  # type: ignore[union-attr]
                    pass


@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
async def test_log_messages_reach_a_client_of_the_handshake_era_from_its_level_on() -> None:
    with anyio.fail_after(PATIENCE_S):
        async with over_http() as stage, connected(stage, "legacy") as assistant:
            loud, silent = await subscribed(assistant, callback_type="log"), await subscribed(assistant)
            await standing(assistant)
            stage.access.put(silent, "not logged")
            stage.access.put(loud, "a price", kind="price")
            await assistant.until(lambda: bool(assistant.logged))
            await assistant.client.set_logging_level("warning")
            stage.access.put(loud, "another price", kind="price")
            stage.access.put(loud, "in doubt", kind="freshness")
            await assistant.until(lambda: len(assistant.logged) == 2)
            assert [(one.level, one.logger, one.data["text"]) for one in assistant.logged] == [
                ("info", "polywire", "a price"),
                ("warning", "polywire", "in doubt"),
            ]
            assert assistant.logged[0].data["subscription_id"] == loud


async def standing(assistant: Listener) -> None:
    """Return once the client's standing stream is open: before that nothing reaches it unasked."""
    while True:
        paths = (await assistant.call("check_delivery"))["delivery"]
        if paths["log_messages"]["open"]:
            await assistant.until(lambda: bool(assistant.logged))
            assistant.logged.clear()
            return


async def test_log_messages_reach_a_client_of_the_new_era_inside_a_request_that_asks_for_them() -> None:
    with anyio.fail_after(PATIENCE_S):
        async with over_http() as stage, connected(stage, "2026-07-28", log_level="notice") as assistant:
            name = await subscribed(assistant, callback_type="log")
            stage.access.put(name, "a price", kind="price")
            stage.access.put(name, "it crossed")
            answer = await assistant.call("wait_for_events", subscription_ids=[name])
            assert texts(answer) == ["a price", "it crossed"]
            await assistant.until(lambda: bool(assistant.logged))
            assert [one.data["text"] for one in assistant.logged] == ["it crossed"]
            assert answer["pending_events"] == 0


async def test_a_canary_goes_on_every_way_that_is_open() -> None:
    with anyio.fail_after(PATIENCE_S):
        async with over_http() as stage, connected(stage, "2026-07-28", log_level="info") as assistant:
            uri = "polymarket://websocket-status"
            async with assistant.client.listen(resource_subscriptions=[uri]) as stream:
                result = await assistant.client.call_tool("check_delivery", {}, progress_callback=assistant.progress)
                told = result.structured_content
                await assistant.until(lambda: bool(assistant.logged and assistant.words))
                assert (await anext(stream)).uri == uri  # type: ignore[union-attr]
    assert assistant.logged[0].data == told["canary"] == assistant.words[0]
    assert told["sent_on"] == [
        "the answer of this tool", f"an update of {uri}", "a log message inside this request", "a word of progress",
    ]  # fmt: skip
    assert [told["delivery"][way]["open"] for way in ("resource_updates", "log_messages", "progress")] == [True] * 3


async def test_a_client_without_a_standing_stream_is_told_that_nothing_reaches_it_unasked() -> None:
    opening = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
    accepts = {"accept": "application/json, text/event-stream"}
    with anyio.fail_after(PATIENCE_S):
        async with over_http() as stage, httpx2.AsyncClient() as raw:
            first = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": opening}
            answer = await raw.post(stage.target, json=first, headers=accepts)
            named = accepts | {"mcp-session-id": answer.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
            call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "check_delivery"}}
            told = (await raw.post(stage.target, json=call, headers=named)).text
            assert "holds no standing stream (GET) open, so nothing reaches it unasked" in told


async def test_who_leaves_is_forgotten() -> None:
    with anyio.fail_after(PATIENCE_S):
        async with over_http() as stage:
            async with connected(stage, "legacy") as assistant:
                await subscribed(assistant)
                assert len(stage.server.host.guests) == 1
            await until(lambda: not len(stage.server.host.guests))


def test_the_pace_of_a_server_is_what_the_rules_say() -> None:
    pace = Pace()
    assert pace.progress_s <= 15
    assert pace.answer_s <= 5
    assert pace.update_s >= 1
