"""Ready-made requests: watch a market, brief me, what moved."""

from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from pydantic import Field

from polywire.interfaces.mcp.strangers import RULE, fence


def add_prompts(server: MCPServer[Any]) -> None:
    """Offer them."""

    @server.prompt(title="Watch a market", description="Watch a market and speak up when something happens")
    def watch_market(
        market: Annotated[str, Field(description="A slug, URL, condition id, token id, or words to search for")],
        condition: Annotated[str, Field(description="When to speak up, in words; empty: when its price changes")] = "",
    ) -> str:
        when = (
            f"Speak up when this is so: {fence(condition)}. Make a watch of it with watch_condition if it can be said "
            "so; else subscribe_market_prices and judge yourself."
            if condition
            else "Subscribe with subscribe_market_prices."
        )
        return (
            f"Watch the Polymarket market {fence(market, 300)} for me. Find it with get_market, or with search_markets "
            f"if that is no id; ask me if several fit. {when} Tell me its prices now. Then call wait_for_events in a "
            "loop, and tell me in one or two sentences when something happens; a timeout is ordinary, go on. If an "
            f"event says that the book is in doubt, say so before you say a price. {RULE}"
        )

    @server.prompt(title="Brief me", description="What the markets say about a topic now")
    def brief_me(topic: Annotated[str, Field(description="What about; empty: what is open")] = "") -> str:
        about = f"about {fence(topic, 300)}" if topic else "in general"
        return (
            f"Brief me on what Polymarket says {about}. Use search_markets, then get_market and get_order_book of the "
            "three to five that matter, and get_price_history for how they moved in a day. Give each as a line: the "
            "question, the price as a probability, the spread, how it moved. Say of which books the freshness is not "
            f"current or quiet. Do not advise. {RULE}"
        )

    @server.prompt(title="What moved", description="What happened on my subscriptions since I last asked")
    def what_moved(since: Annotated[str, Field(description="A cursor; empty: since the last time")] = "") -> str:
        cursor = "".join(letter for letter in since if letter in "0123456789abcdef.")[:40]
        begin = f'get_events(since="{cursor}")' if cursor else "get_events()"
        return (
            f"Tell me what moved: call {begin} until pending_events is 0, and list_watches for what is watched. Group "
            "by market, the biggest move first, with the price before and after. Gaps and books in doubt come first of "
            f"all. If nothing happened, say that, and how the feed is (get_realtime_status). {RULE}"
        )
