"""How a recorded line finds its decoder."""

from pathlib import Path

import pytest

from polywire.wire.channels import Channel, channel_of

FRAMES = Path(__file__).parent.parent / "frames"


@pytest.mark.parametrize("path", sorted(FRAMES.glob("market.*.json")), ids=lambda path: path.stem)
def test_every_market_frame_without_a_source_is_known_by_its_shape(path: Path) -> None:
    assert channel_of("", path.read_bytes()) is Channel.MARKET


@pytest.mark.parametrize("path", sorted(FRAMES.glob("user.*.json")), ids=lambda path: path.stem)
def test_every_frame_of_the_user_channel_without_a_source_is_known_by_its_shape(path: Path) -> None:
    assert channel_of("", path.read_bytes()) is Channel.USER


SHAPELESS = FRAMES / "live.activity.untyped.json"  # neither topic nor type: nothing but its payload


@pytest.mark.parametrize("path", sorted({*FRAMES.glob("live.*.json")} - {SHAPELESS}), ids=lambda path: path.stem)
def test_every_live_frame_without_a_source_is_known_by_its_shape(path: Path) -> None:
    assert channel_of("", path.read_bytes()) is Channel.LIVE


def test_an_activity_frame_without_topic_and_type_needs_its_source() -> None:
    assert channel_of("rtds", SHAPELESS.read_bytes()) is Channel.LIVE


@pytest.mark.parametrize("source", list(Channel))
def test_our_own_sources_are_known(source: Channel) -> None:
    assert channel_of(source, b"{}") is source


@pytest.mark.parametrize("source", ["binance", "coinbase", "pyth_proxy", "kraken"])
def test_another_venues_lines_are_foreign(source: str) -> None:
    assert channel_of(source, b'{"event_type":"book"}') is None


@pytest.mark.parametrize(
    ("source", "frame", "channel"),
    [
        ("polymarket_clob", b"{}", Channel.MARKET),
        ("polymarket_rtds_chainlink", b"{}", Channel.LIVE),
        ("Polymarket", b'{"topic":"comments"}', Channel.LIVE),
        ("Polymarket", b'{"event_type":"book","topic":"x"}', Channel.MARKET),
        ("", b"PONG", Channel.MARKET),
        ("polymarket_clob_user", b"PONG", Channel.USER),
        ("polymarket", b'{"event_type": "order"}', Channel.USER),
    ],
)
def test_a_recorders_own_name_and_the_shape_decide(source: str, frame: bytes, channel: Channel) -> None:
    assert channel_of(source, frame) is channel


@pytest.mark.parametrize(
    ("channel", "prefix"), [(Channel.MARKET, "market."), (Channel.LIVE, "live."), (Channel.USER, "user.")]
)
def test_every_channel_has_a_frame(channel: Channel, prefix: str) -> None:
    frames = [path.read_bytes() for path in FRAMES.glob(f"{prefix}*.json")]
    assert channel in {channel_of("", frame) for frame in frames}


def test_no_channel_is_left_out_of_the_row_above() -> None:
    assert set(Channel) == {Channel.MARKET, Channel.LIVE, Channel.USER}
