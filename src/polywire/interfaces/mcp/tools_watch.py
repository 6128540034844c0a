"""The tools for watches: be told when a condition becomes true, and what is watched."""

from typing import Annotated, Any, Final

from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult
from pydantic import BeforeValidator, Field

from polywire.interfaces.mcp.answers import Subscribed, WatchList, WatchShown
from polywire.interfaces.mcp.asking import Callback, SomeMarketIds, named
from polywire.interfaces.mcp.guests import Guest
from polywire.interfaces.mcp.host import Host, Request
from polywire.interfaces.mcp.showing import listed_lines
from polywire.interfaces.mcp.strangers import fence
from polywire.interfaces.mcp.subscribing import subscribe, wanted
from polywire.interfaces.mcp.tooling import LOOKS, MAKES, offer
from polywire.services.access.language import WatchStatus
from polywire.wire.watch_json import CONDITIONS, ConditionDoc, condition_as_json, condition_of


def _told(doc: ConditionDoc) -> str:
    fields = ", ".join(
        f"{field.name} ({'|'.join(map(str, field.words)) or field.unit}: {field.meaning})" for field in doc.fields
    )
    return f"`{doc.name}`: {doc.sentence}" + (f"; fields {fields}" if fields else "")


_TYPES: Final = ". ".join(map(_told, CONDITIONS))
_EXAMPLES: Final = [dict(doc.example) for doc in CONDITIONS]


def _as_object(given: Any) -> Any:
    """Return a condition as an object: the name of a type alone means that type as it stands."""
    return {"type": given} if isinstance(given, str) else given


ConditionGiven = Annotated[
    dict[str, Any],
    BeforeValidator(_as_object),
    Field(
        description=f"An object with `type` and that type's fields; prices and sizes as decimal texts. {_TYPES}",
        examples=_EXAMPLES,
    ),
]


def add_watch_tools(server: MCPServer[Any], host: Host) -> None:
    """Offer them."""

    async def watch_condition(
        condition: ConditionGiven,
        ctx: Request,
        targets: SomeMarketIds = None,
        label: Annotated[str, Field(max_length=200, description="What you call it")] = "",
        cooldown_s: Annotated[
            float, Field(ge=0, le=86_400, description="Seconds without another alert of a token after one")
        ] = 0.0,
        budget: Annotated[
            int, Field(ge=1, le=1_000, description="Alerts an hour; what is over comes as one digest an hour")
        ] = 60,
        expires_in_s: Annotated[
            float,
            Field(ge=0, le=31_536_000, description="Seconds of the venue's time until it ends by itself; 0: never"),
        ] = 0.0,
        callback_type: Callback = "notification",
    ) -> Annotated[CallToolResult, Subscribed]:
        """Be told when a condition becomes true: a price crosses a level, moves, a spread opens, a book falls silent.

        It goes on without you and over restarts; then call wait_for_events. Own orders, own trades and new markets need
        no targets.
        Example: watch_condition(targets=["will-it-rain-tomorrow"],
        condition={"type": "crosses", "level": "0.55", "direction": "up"}, label="rain likely")
        """
        asked = wanted(
            condition_of(condition),
            named(targets, "targets") if targets else (),
            callback_type,
            label=label,
            cooldown_s=cooldown_s,
            budget=budget,
            for_s=expires_in_s,
        )
        return await subscribe(server, host, ctx, asked, "when its condition becomes true")

    async def list_watches(ctx: Request) -> Annotated[CallToolResult, WatchList]:
        """List every subscription and watch there is, whoever made it, and how each fares.

        Example: list_watches()
        """
        guest = host.guest(ctx)
        watches = [_shown(status, guest) for status in await host.line.watches()]
        message = f"{len(watches)} stand:\n{listed_lines(map(_line, watches))}" if watches else "Nothing is watched."
        return await host.done(guest, WatchList(message=message, watches=watches))

    offer(server, watch_condition, "Watch for a condition", MAKES)
    offer(server, list_watches, "What is watched", LOOKS)


def _shown(status: WatchStatus, guest: Guest) -> WatchShown:
    watch = status.watch
    return WatchShown(
        subscription_id=watch.id,
        label=watch.label,
        condition=condition_as_json(watch.condition),
        targets=list(watch.targets),
        tokens=list(watch.tokens),
        markets=list(watch.markets),
        mine=watch.id in guest.made,
        maker=watch.maker,
        entries=status.entries,
        last_ms=status.last_ms,
        in_doubt=list(status.in_doubt),
        budget=watch.budget,
        budget_left=status.budget_left,
        cooldown_s=watch.cooldown_s,
        expires_ms=watch.expires_ms,
        callback_type=watch.delivery,
    )


def _line(watch: WatchShown) -> str:
    label = f" {fence(watch.label)}" if watch.label else ""
    doubt = f", {len(watch.in_doubt)} tokens in doubt" if watch.in_doubt else ""
    whose = ", yours" if watch.mine else ""
    return f"{watch.subscription_id}{label}: {watch.condition.get('type')}, {watch.entries:,} entries{doubt}{whose}"
