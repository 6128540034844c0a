"""Settings: where they come from, which source wins, and what is said of a bad one."""

import os
from pathlib import Path
from typing import Any

import pytest

from polywire.errors import Misuse
from polywire.settings import FILE, PAPER_PORT, Settings, default_data, read_settings

SECRET = "hunter2"  # noqa: S105 - stands for anything that was pasted into the wrong place


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the data directory that the environment names, where nothing else of ours is named."""
    for name in [name for name in os.environ if name.startswith("POLYWIRE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("POLYWIRE_DATA", str(tmp_path))
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / FILE).write_text(text)


def refusal(**given: Any) -> str:
    """Return the one sentence that is said of settings that cannot be used."""
    with pytest.raises(Misuse) as caught:
        read_settings(**given)
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__cause__ is not None  # no library's own words below it
    return str(caught.value)


# ------------------------------------------------------------ where they come from


def test_unless_told_otherwise_the_venue_is_the_embedded_exchange(data: Path) -> None:
    settings = read_settings()
    assert (settings.venue, settings.exchange_port, settings.data) == ("paper", PAPER_PORT, data)
    assert (settings.tokens_a_socket, settings.events_waiting, settings.longest_message) == (200, 1_024, 8 << 20)
    assert (settings.ping_s, settings.pong_s, settings.data_s, settings.longest_delay_s) == (10.0, 20.0, 60.0, 60.0)


def test_the_file_in_the_data_directory_is_read(data: Path) -> None:
    write(data, 'venue = "live"\nping_s = 5\n')
    settings = read_settings()
    assert (settings.venue, settings.ping_s, settings.pong_s) == ("live", 5.0, 20.0)


def test_the_environment_wins_over_the_file_and_arguments_win_over_both(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(data, 'venue = "live"\nexchange_port = 1\nping_s = 1\n')
    monkeypatch.setenv("POLYWIRE_VENUE", "http://127.0.0.1:2")
    monkeypatch.setenv("POLYWIRE_EXCHANGE_PORT", "2")
    settings = read_settings(exchange_port=3)
    assert (settings.ping_s, settings.venue, settings.exchange_port) == (1.0, "http://127.0.0.1:2", 3)


def test_an_argument_that_was_not_given_wins_over_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line hands on None for what it was not told."""
    monkeypatch.setenv("POLYWIRE_VENUE", "live")
    assert read_settings(venue=None, exchange_port=None).venue == "live"


def test_the_file_of_the_data_directory_that_was_given_is_the_one_that_counts(data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write(data, 'venue = "live"\n')
    write(other, "ping_s = 4\n")
    settings = read_settings(data=other)
    assert (settings.data, settings.venue, settings.ping_s) == (other, "paper", 4.0)
    assert read_settings(data=str(other)) == settings


def test_the_data_directory_need_not_be_there(tmp_path: Path) -> None:
    assert read_settings(data=tmp_path / "not" / "yet").data == tmp_path / "not" / "yet"


def test_an_empty_variable_says_nothing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not make the working directory the data directory."""
    monkeypatch.setenv("POLYWIRE_PING_S", "")
    monkeypatch.setenv("POLYWIRE_DATA", "")
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    settings = read_settings()
    assert (settings.ping_s, settings.data) == (10.0, data / "polywire")


def test_data_is_kept_where_the_desktop_keeps_it_or_in_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POLYWIRE_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", "/some/where")
    assert default_data() == read_settings().data == Path("/some/where/polywire")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_data() == read_settings().data == Path("/home/ada/.local/share/polywire")


def test_other_programs_variables_and_ours_for_tests_are_not_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENUE", "live")
    monkeypatch.setenv("POLYWIRE_REAL_DATA", "/nowhere")
    assert read_settings().venue == "paper"


def test_settings_are_read_once_and_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings()
    monkeypatch.setenv("POLYWIRE_VENUE", "live")
    assert settings.venue == "paper"
    with pytest.raises(ValueError, match="frozen"):
        settings.venue = "live"


# ------------------------------------------------------------ what is said of a bad one


def test_an_unknown_name_in_the_file_is_named(data: Path) -> None:
    write(data, f'venu = "{SECRET}"\nping_s = 5\n')
    told = refusal()
    assert told.startswith("the settings cannot be used: venu: ")
    assert SECRET not in told


def test_an_unknown_argument_is_named() -> None:
    assert refusal(venu="live").startswith("the settings cannot be used: venu: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exchange_port", SECRET),
        ("exchange_port", "-1"),
        ("exchange_port", "65536"),
        ("exchange_port", "1.5"),
        ("tokens_a_socket", "1"),
        ("tokens_a_socket", "501"),
        ("events_waiting", "15"),
        ("longest_message", "65535"),
        ("ping_s", "0"),
        ("ping_s", "-1"),
        ("ping_s", "nan"),
        ("most_tokens", "1"),
        ("most_subscriptions", "0"),
        ("pong_s", "0"),
        ("data_s", "inf"),
        ("longest_delay_s", "0.5"),
        ("longest_delay_s", SECRET),
    ],
)
@pytest.mark.parametrize("source", ["environment", "file", "argument"])
def test_a_value_out_of_range_is_named_and_never_shown(
    source: str, name: str, value: str, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password pasted into the wrong line must not end up in a log."""
    given = {}
    if source == "environment":
        monkeypatch.setenv(f"POLYWIRE_{name.upper()}", value)
    elif source == "file":
        write(data, f'{name} = "{value}"\n')
    else:
        given = {name: value}
    told = refusal(**given)
    assert told.startswith(f"the settings cannot be used: {name}: ")
    assert SECRET not in told


@pytest.mark.parametrize(
    "edge", [{"exchange_port": 0}, {"exchange_port": 65_535}, {"tokens_a_socket": 2}, {"events_waiting": 16}]
)
def test_a_value_at_the_edge_of_its_range_is_taken(edge: dict[str, int]) -> None:
    settings = read_settings(**edge)
    assert {name: getattr(settings, name) for name in edge} == edge


def test_all_faults_are_named_at_once(data: Path) -> None:
    write(data, "ping_s = 0\npong_s = 0\n")
    told = refusal()
    assert "ping_s: " in told
    assert "; pong_s: " in told


@pytest.mark.parametrize(
    "content",
    [f"venue = {SECRET}", f"{SECRET}", "venue = 'live", "a = 1\na = 2", f"[{SECRET}", "ping_s = 1 2"],
)
def test_a_file_that_is_no_toml_is_named_with_the_line_and_not_shown(data: Path, content: str) -> None:
    write(data, f"exchange_port = 1\n{content}\n")
    told = refusal()
    assert told.startswith(f"{FILE} in the data directory is no TOML: ")
    assert "(at " in told
    assert SECRET not in told


def test_a_file_that_is_no_text_is_one_sentence(data: Path) -> None:
    (data / FILE).write_bytes(b"\xff\xfe\x00")
    assert FILE in refusal()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_one_sentence(data: Path) -> None:
    write(data, "ping_s = 1\n")
    (data / FILE).chmod(0)
    assert FILE in refusal()


def test_a_data_directory_that_is_a_file_is_no_reason_to_fail_here(tmp_path: Path) -> None:
    """Whoever needs the directory says so; settings need only what may lie in it."""
    (tmp_path / "file").touch()
    assert read_settings(data=tmp_path / "file").venue == "paper"


def test_no_setting_is_shown_by_an_error_of_the_class_itself() -> None:
    with pytest.raises(ValueError, match="ping_s") as caught:
        Settings(ping_s=SECRET)  # type: ignore[arg-type]  # the fault is the point
    assert SECRET not in str(caught.value)
