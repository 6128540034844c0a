"""Plain lines: what `watch` prints where there is no terminal, and what `status` says to people."""

from typing import Any

from polywire.interfaces.terminal import figures
from polywire.services.owner_protocol import Hello
from polywire.services.views import View


def plain_line(view: View) -> str:
    """Return a view as one line; one whose book may be wrong has a reason in it instead of prices."""
    name = " / ".join(filter(None, (figures.one_line(view.question), figures.one_line(view.outcome))))
    name = name or f"token {view.token[:10]}…"
    heard = f"{figures.rate(view.events_per_s)} events/s, last {figures.age(view.event_age_s)} ago"
    if not view.answering:
        return f"{name}: {view.freshness}, no prices ({figures.one_line(view.reason)}); {heard}"
    tick = view.tick or 1
    bid = f"{figures.price(view.bids[0][0], tick)} x {figures.shares(view.bids[0][1])}" if view.bids else "none"
    ask = f"{figures.price(view.asks[0][0], tick)} x {figures.shares(view.asks[0][1])}" if view.asks else "none"
    last = "none" if view.last_price is None else figures.price(view.last_price, tick)
    return f"{name}: {view.freshness}, bid {bid}, ask {ask}, last {last}; {heard}"


def status_lines(hello: Hello, status: dict[str, Any]) -> list[str]:
    """Return a feed's status for people."""
    where = "in the background" if hello.background else "at a terminal"
    lines = [f"polywire {hello.polywire}, process {hello.pid}, {where}; venue: {hello.venue} at {hello.address}"]
    for name, link in status["connections"].items():
        lines.append(f"{name}: {'connected' if link['connected'] else 'not connected'} to {link['url']}")
        states = ", ".join(f"{count:,} {freshness}" for freshness, count in sorted(link["freshness"].items()))
        lines.append(f"  books: {link['tokens']:,}" + (f" ({states})" if states else ""))
        for socket in link["sockets"]:
            lines.append(
                f"  socket {socket['number']}: {socket['state']}, {socket['tokens']} tokens, "
                f"{socket['frames']:,} frames, {socket['bytes_per_second']:,.0f} bytes/s, "
                f"last data {figures.age(socket['last_data_s'])} ago, opened {socket['opened']}x"
            )
            lines += [f"    lost {figures.age(one['seconds_ago'])} ago: {one['reason']}" for one in socket["reasons"]]
    lines.append(f"subscriptions: {status['subscriptions']['total']:,}")
    numbers = status["statistics"]
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(numbers["events_by_type"].items()))
    lines.append(f"events: {numbers['total_events']:,}" + (f" ({kinds})" if kinds else ""))
    undecoded = ", ".join(f"{count:,} {kind}" for kind, count in numbers["undecoded"].items())
    lines.append(f"undecoded: {undecoded or '0'}")
    lines.append(
        f"checked: {numbers['best_price_checks']:,} best prices, {numbers['best_price_mismatches']:,} wrong; "
        f"{numbers['book_checks']:,} books, {numbers['book_mismatches']:,} differ"
    )
    lines.append(
        f"reconnects: {numbers['reconnect_count']:,}; connection errors: {numbers['connection_errors']:,}; "
        f"reader errors: {numbers['reader_errors']:,}"
    )
    return lines
