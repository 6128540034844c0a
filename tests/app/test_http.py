"""The HTTP port of an owner: who may be let in where, and what answers there."""

import json
import re
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from cli.processes import line_with, run, started
from interfaces.mcp.memory import MemoryAccess
from loopback import HERE, PATIENCE_S
from polywire.app.http import HttpAsked, LateDoor, check_bind, serving_http
from polywire.errors import Misuse
from polywire.io.tokens import Tokens
from polywire.model.roles import Role


def test_others_are_let_near_it_only_where_a_token_could_let_somebody_in(tmp_path: Path) -> None:
    everywhere = HttpAsked(tmp_path, "0.0.0.0", 0)  # noqa: S104 - it does not listen
    with pytest.raises(Misuse, match="there is no token that could let anybody in: make one with `polywire token make"):
        check_bind(everywhere)
    check_bind(HttpAsked(tmp_path, HERE, 0))
    Tokens(tmp_path).make("laptop", [Role.READ])
    check_bind(everywhere)


@pytest.mark.anyio
async def test_in_live_mode_even_this_machine_needs_a_token(tmp_path: Path) -> None:
    token = Tokens(tmp_path).make("laptop", [Role.READ])
    access = MemoryAccess()
    with anyio.fail_after(PATIENCE_S):
        for paper, expected in ((True, 200), (False, 401)):
            asked = HttpAsked(tmp_path, HERE, 0, paper=paper)
            async with (
                serving_http(asked, access, lambda status: f"metrics of {len(status)}", {}) as url,
                httpx2.AsyncClient(base_url=url, trust_env=False) as client,
            ):
                assert (await client.get("/status")).status_code == expected
                known = await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
                assert known.text.startswith("metrics of ")
                assert (await client.get("/health")).json()["ok"] is True


@pytest.mark.anyio
async def test_a_door_is_built_at_the_first_knock_and_left_when_it_is_over() -> None:
    told: list[str] = []

    class Built:
        async def __aenter__(self) -> ASGIApp:
            told.append("built")

            async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
                told.append(scope["path"])

            return app

        async def __aexit__(self, *_: object) -> None:
            told.append("left")

    async def unused(*_: object) -> Any:
        raise AssertionError

    door = LateDoor(lambda: told.append("prepared"), Built)
    with anyio.fail_after(PATIENCE_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(door.run)
            await anyio.lowlevel.checkpoint()
            assert told == []
            await door({"type": "http", "path": "/mcp"}, unused, unused)
            await door({"type": "http", "path": "/mcp/"}, unused, unused)
            tasks.cancel_scope.cancel()
    assert told == ["prepared", "built", "/mcp", "/mcp/", "left"]


def test_up_says_where_it_answers_and_the_endpoint_does_too(tmp_path: Path) -> None:
    with started("up", "--data", str(tmp_path), "--port", "0", "--exchange-port", "0") as up:
        found = re.search(r"http://[\d.]+:\d+", line_with(up, "HTTP answers at"))
        assert found is not None
        line_with(up, "current,")
        assert json.loads((tmp_path / "endpoint").read_text())["http"] == found[0]
        health = httpx2.get(f"{found[0]}/health", trust_env=False)
        assert health.json()["ok"] is True
        foreign = httpx2.get(f"{found[0]}/health", headers={"Host": "evil.example"}, trust_env=False)
        assert foreign.status_code == 421


def test_a_token_is_printed_once_and_listed_without_itself(tmp_path: Path) -> None:
    made = run("token", "make", "laptop", "--role", "read", "--data", str(tmp_path))
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    assert Tokens(tmp_path).check(token) is not None
    listed = run("token", "list", "--data", str(tmp_path))
    assert listed.stdout.split()[:2] == ["laptop", "read"]
    assert token not in listed.stdout + listed.stderr + made.stderr
    assert run("token", "make", "x", "--role", "king", "--data", str(tmp_path)).returncode == 2
    assert run("token", "remove", "laptop", "--data", str(tmp_path)).returncode == 0
    assert Tokens(tmp_path).check(token) is None
