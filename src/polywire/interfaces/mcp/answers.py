"""What tools answer: typed, so that every tool has an output schema. `message` says the same to people."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from polywire.interfaces.mcp.shapes import BookShown, EventShown, MarketShown, PointShown


class Path(BaseModel):
    """One way in which something can reach this client."""

    open: bool
    why: str


class Delivery(BaseModel):
    """Which ways to this client are open. That a message is sent does not mean that a model is shown it."""

    era: Literal["handshake", "2026-07-28"]
    protocol_version: str
    transport: Literal["stdio", "streamable-http"]
    resource_updates: Path
    log_messages: Path
    progress: Path = Field(description="While a call of wait_for_events runs")
    always: str = Field(default="wait_for_events", description="The way that always works: the answer of this tool")


class Answer(BaseModel):
    """What every answer has."""

    message: str = Field(description="The answer in words")
    pending_events: int | None = Field(
        default=None,
        description="Events of your subscriptions that you have not been given yet; null: it could not be counted",
    )
    newest: str = Field(default="", description="The journal's newest cursor")


class Subscribed(Answer):
    """A subscription that stands, and what its subject is at this moment."""

    subscription_id: str
    cursor: str = Field(description="Its events come after this: pass it as `since`")
    callback_type: Literal["notification", "log"]
    existed: bool = Field(default=False, description="It stood already")
    expires_ms: int = Field(
        default=0, description="The venue's clock when it ends by itself, Unix milliseconds; 0: never"
    )
    resource: str = Field(description="The resource that changes with it")
    books: list[BookShown] = Field(default=[], description="Of its tokens, now")
    markets: list[MarketShown] = []
    waiting: dict[str, str] = Field(default={}, description="Tokens whose book does not answer yet, and why")
    delivery: Delivery


class Unsubscribed(Answer):
    """A subscription that is no more. What it wrote stays in the journal."""

    subscription_id: str


class RealtimeStatus(Answer):
    """How the feed is."""

    model_config = ConfigDict(extra="allow")

    connections: dict[str, object] = Field(
        default={}, description="By channel: connected or not, its sockets, its books"
    )
    subscriptions: dict[str, object] = {}
    statistics: dict[str, object] = {}
    background_task: str = ""
    delivery: Delivery


class FeedState(BaseModel):
    """How far to believe that nothing happened."""

    connected: bool = Field(description="Whether the market channel is connected")
    last_event_at: str | None = Field(default=None, description="When the feed last saw an event, ISO 8601")
    in_doubt: dict[str, list[str]] = Field(
        default={}, description="By subscription: tokens whose book does not answer now"
    )


class Events(Answer):
    """Entries of the journal, the oldest first, and where to go on."""

    events: list[EventShown] = []
    cursor: str = Field(description="Pass this as `since` next time")
    subscription_ids: list[str] = Field(
        default=[], description="Whose events these are; empty: everybody's, and the house's"
    )
    timed_out: bool = Field(default=False, description="Nothing happened while it waited: an ordinary answer")
    waited_s: float = 0.0
    truncated: int = Field(
        default=0, description="How many entries after `since` were removed by age or size before you came"
    )
    feed: FeedState | None = Field(default=None, description="Told where nothing happened")


class Canary(Answer):
    """What was sent on which way just now."""

    canary: str = Field(description="The word that was sent")
    sent_on: list[str]
    delivery: Delivery


class WatchShown(BaseModel):
    """A subscription or watch, and how it fares."""

    subscription_id: str
    label: str = ""
    condition: dict[str, object]
    targets: list[str] = Field(default=[], description="As they were named: data")
    tokens: list[str] = []
    markets: list[str] = []
    mine: bool = Field(description="This client made it")
    maker: str = ""
    entries: int = Field(default=0, description="Written since the owner started")
    last_ms: int = Field(default=0, description="Our clock of the last entry, Unix milliseconds; 0: none")
    in_doubt: list[str] = Field(default=[], description="Tokens whose book does not answer now")
    budget: int = Field(default=0, description="Alerts an hour; what is over goes into one digest")
    budget_left: int = 0
    cooldown_s: float = 0.0
    expires_ms: int = Field(default=0, description="The venue's clock, Unix milliseconds; 0: never")
    callback_type: Literal["notification", "log"] = "notification"


class WatchList(Answer):
    """Every subscription and watch there is, whoever made it."""

    watches: list[WatchShown] = []


class Found(Answer):
    """Markets."""

    markets: list[MarketShown] = []


class MarketTold(Answer):
    """A market, or all markets of an event, and their books as far as they could be had."""

    markets: list[MarketShown] = []
    books: list[BookShown] = []


class Books(Answer):
    """Books."""

    books: list[BookShown] = []


class PriceHistory(Answer):
    """What a token cost."""

    token: str
    interval: str
    market: MarketShown | None = None
    points: list[PointShown] = []
