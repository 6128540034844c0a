"""What assistants are told: JSON that they can read, a command that starts us, and no secret."""

import json
import shlex

import pytest

from polywire.interfaces.mcp.install import CLIENTS, entries

COMMAND = ["/opt/my tools/polywire", "mcp", "--data", "/srv/a b"]


@pytest.mark.parametrize("number", range(len(CLIENTS)))
def test_every_client_gets_json_with_the_command_as_it_is(number: int) -> None:
    entry = entries(COMMAND)[number]
    config = json.loads(entry.config)
    (group,) = config
    assert group == ("servers" if entry.client == "vscode" else "mcpServers")
    assert [config[group]["polywire"]["command"], *config[group]["polywire"]["args"]] == COMMAND
    assert entry.client == CLIENTS[number]
    assert entry.file


def test_the_one_line_commands_survive_a_shell_with_spaces_in_paths() -> None:
    by_name = {entry.client: entry for entry in entries(COMMAND)}
    assert shlex.split(by_name["claude-code"].command)[-4:] == COMMAND
    added = json.loads(shlex.split(by_name["vscode"].command)[-1])
    assert [added["command"], *added["args"]] == COMMAND


def test_over_http_the_token_is_named_and_never_written() -> None:
    for entry in entries(COMMAND, url="http://127.0.0.1:8420/mcp"):
        assert "pw_" not in entry.config
        if entry.client != "claude-desktop":
            server = next(iter(json.loads(entry.config).values()))["polywire"]
            assert server["url"] == "http://127.0.0.1:8420/mcp"
            assert server["headers"] == {"Authorization": "Bearer ${POLYWIRE_TOKEN}"}
