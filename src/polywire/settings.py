"""Every setting, in one frozen struct: read once, from the environment and the data directory's `polywire.toml`.

The environment wins over the file. Names in the environment are the fields' with `POLYWIRE_` before them, in capitals
(`POLYWIRE_VENUE`). Input is never shown in an error: it may hold secrets.
"""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from polywire.errors import Misuse

PAPER_PORT: Final = 8421
"""Where the embedded exchange listens unless told otherwise."""

HTTP_PORT: Final = 8420
"""Where HTTP listens unless told otherwise."""

FILE: Final = "polywire.toml"
"""The settings' file in the data directory."""


def default_data() -> Path:
    """Return where files are kept unless told otherwise: `POLYWIRE_DATA`, or the desktop's place for data."""
    named = os.environ.get("POLYWIRE_DATA")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "polywire"


class Settings(BaseSettings):
    """What can be set.

    Attributes:
        data: The data directory.
        venue: `paper` (the embedded exchange), `live` (Polymarket), or the address of an exchange.
        exchange_port: Where the embedded exchange listens.
        tokens_a_socket: Tokens one market socket carries at most.
        events_waiting: Events that may wait for a slow reader before prices conflate.
        most_tokens: Tokens followed at once, all subscriptions together.
        most_subscriptions: Subscriptions open at once.
        longest_message: Bytes of the longest message taken from a socket.
        ping_s: Seconds between two PINGs.
        pong_s: Seconds without PONG and data after which a socket is given up.
        data_s: Seconds without data after which a socket counts as silent.
        longest_delay_s: Seconds that a redial waits at most.
        standby: Whether each market socket has a second one that carries the same.
        renew_after_s: Seconds after which another socket takes an old one's place, a fifth more or less; 0: never.
        least_silence_s: Seconds of a token's silence that are never worth a question, however busy it was.
        longest_silence_s: Seconds of a token's silence after which its book is compared with REST in any case.
        proof_s: Seconds after which the whole book of a token that goes on speaking is compared too.
        missing_s: Seconds for which a snapshot may fail to come before a book is read over REST.
        polled_s: Seconds between two such reads, while a socket brings nothing of a token.
        books_a_second: Books that REST may be asked for a second, over all.
        resolutions_s: Seconds between two looks over REST whether a followed market is resolved.
        live_silent_s: Seconds for which a busy topic of the live data may be silent before another socket is taken.
        live_renewal_s: Seconds after which a socket of the live data is renewed, about.
        http_hosts: More names by which the HTTP port is reached, as `box.lan`.
        http_origins: More pages that may use it, as `https://board.example`.
        reconcile_s: Seconds from one comparison of own orders and trades with REST to the next.
        journal_days: Days that an entry of the journal is kept.
        journal_bytes: Bytes that the journal may have before its oldest entries are removed sooner.
    """

    model_config = SettingsConfigDict(
        env_prefix="POLYWIRE_",
        env_ignore_empty=True,  # else an empty POLYWIRE_DATA would be the working directory
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
        allow_inf_nan=False,
    )

    data: Path = Field(default_factory=default_data)
    venue: str = "paper"
    exchange_port: Annotated[int, Field(ge=0, le=65_535)] = PAPER_PORT
    tokens_a_socket: Annotated[int, Field(ge=2, le=500)] = 200
    events_waiting: Annotated[int, Field(ge=16)] = 1_024
    most_tokens: Annotated[int, Field(ge=2)] = 100_000
    most_subscriptions: Annotated[int, Field(ge=1)] = 20_000
    longest_message: Annotated[int, Field(ge=1 << 16)] = 8 << 20
    ping_s: Annotated[float, Field(gt=0)] = 10.0
    pong_s: Annotated[float, Field(gt=0)] = 20.0
    data_s: Annotated[float, Field(gt=0)] = 60.0
    longest_delay_s: Annotated[float, Field(ge=1)] = 60.0
    standby: bool = False
    renew_after_s: Annotated[float, Field(ge=0)] = 14_400.0
    least_silence_s: Annotated[float, Field(ge=1)] = 5.0
    longest_silence_s: Annotated[float, Field(ge=1)] = 30.0
    proof_s: Annotated[float, Field(ge=1)] = 60.0
    missing_s: Annotated[float, Field(ge=1)] = 3.0
    polled_s: Annotated[float, Field(ge=1)] = 5.0
    books_a_second: Annotated[float, Field(ge=1)] = 400.0
    resolutions_s: Annotated[float, Field(ge=1)] = 30.0
    live_silent_s: Annotated[float, Field(ge=5)] = 30.0
    live_renewal_s: Annotated[float, Field(ge=30)] = 600.0
    http_hosts: frozenset[str] = frozenset()
    http_origins: frozenset[str] = frozenset()
    reconcile_s: Annotated[float, Field(ge=1)] = 60.0
    journal_days: Annotated[float, Field(gt=0)] = 30.0
    journal_bytes: Annotated[int, Field(ge=1 << 20)] = 1 << 30

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library calls it by these names
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, the strongest first: arguments, the environment, the data directory's file."""
        given: dict[str, Any] = init_settings()
        folder = Path(given.get("data") or default_data())
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, folder / FILE)


def read_settings(**given: Any) -> Settings:
    """Return the settings; `given` wins over the environment and the file, but for those that are None.

    Raises:
        Misuse: A value is out of range, a name unknown, or the file no TOML or not to be read; the sentence names it.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as refusal:
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in refusal.errors())
        raise Misuse(f"the settings cannot be used: {faults}") from None
    except tomllib.TOMLDecodeError as refusal:
        raise Misuse(f"{FILE} in the data directory is no TOML: {refusal}") from None
    except UnicodeDecodeError as refusal:  # its own words would show a piece of the file
        raise Misuse(f"{FILE} in the data directory is no TOML: byte {refusal.start} is no UTF-8") from None
    except OSError as refusal:
        raise Misuse(f"{FILE} in the data directory cannot be read: {refusal.strerror}") from None
