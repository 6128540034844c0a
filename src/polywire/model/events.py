"""The union of all events: what a subscriber can be handed. Consumers `match` on it and end in `assert_never`."""

from polywire.model.aggregate import BookAggregated
from polywire.model.health import HealthEvent
from polywire.model.live import LiveEvent
from polywire.model.market import MarketEvent
from polywire.model.own import OwnEvent

Event = MarketEvent | LiveEvent | HealthEvent | OwnEvent | BookAggregated
"""Every event there is."""
