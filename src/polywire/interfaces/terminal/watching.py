"""Plain lines: what `watch` prints where there is no terminal, and what `status` says to people."""

from typing import Any, Final

from polywire.interfaces.terminal import figures
from polywire.services.owner_protocol import Hello
from polywire.services.views import View

_NAMED: Final = 5  # watches in doubt


def plain_line(view: View) -> str:
    """Return a view as one line; one whose book may be wrong has a reason in it instead of prices."""
    name = " / ".join(filter(None, (figures.one_line(view.question), figures.one_line(view.outcome))))
    name = name or f"token {view.token[:10]}…"
    last_heard = "nothing yet" if view.event_age_s is None else f"last {figures.age(view.event_age_s)} ago"
    heard = f"{figures.rate(view.events_per_s)} events/s, {last_heard}"
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
    for name, channel in status["connections"].items():
        lines += _channel_lines(name, channel)
    lines.append(f"subscriptions: {status['subscriptions']['total']:,}")
    lines += _number_lines(status["statistics"])
    if "journal" in status:
        lines += [_watches_line(status["watches"]), _journal_line(status["journal"])]
    return lines


def _channel_lines(name: str, channel: dict[str, Any]) -> list[str]:
    lines = [f"{name}: {'connected' if channel['connected'] else 'not connected'} to {channel['url']}"]
    if "freshness" in channel:
        lines.append(f"  books: {channel['tokens']:,}" + _in_brackets(channel["freshness"]))
    lines += [f"  {word}: {told}" for word, told in _trouble(channel) if told]
    for socket in channel["sockets"]:
        tokens = f", {socket['tokens']:,} tokens" if "tokens" in socket else ""
        lines.append(
            f"  socket {socket['number']}: {socket['state']}{tokens}, {socket['frames']:,} frames, "
            f"{socket['bytes_per_second']:,.0f} bytes/s, last data {_ago(socket['last_data_s'])}, "
            f"last PONG {_ago(socket['last_pong_s'])}, opened {socket['opened']}x"
            + (f", the last {_ago(socket['age_s'])}" if socket["opened"] else "")
            + ("" if socket["next_try_s"] is None else f", next try in {socket['next_try_s']:.1f}s")
        )
        lines += [
            f"    lost {_ago(one['seconds_ago'])}: {figures.one_line(one['reason'])}" for one in socket["reasons"]
        ]
    return lines


def _trouble(channel: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what a channel of its own says went wrong, "" where nothing did."""
    return [
        ("undecoded", _listed(channel.get("undecoded", {}))),
        ("gaps", f"{channel['gaps']:,}" if channel.get("gaps") else ""),
        ("trouble", figures.one_line(channel.get("trouble", ""))),
    ]


def _number_lines(numbers: dict[str, Any]) -> list[str]:
    undecoded = _listed(numbers["undecoded"]) or "0"
    lines = [
        f"frames: {numbers['frames']:,}, {numbers['bytes']:,} bytes",
        f"events: {numbers['total_events']:,}" + _in_brackets(numbers["events_by_type"]),
        f"undecoded: {undecoded}",
    ]
    lines += [
        f"  {figures.one_line(kind)}: {figures.one_line(text)}" for kind, text in numbers["undecoded_samples"].items()
    ]
    lines.append(_lag_line(numbers["lag"]))
    lines.append(
        f"checked: {numbers['best_price_checks']:,} best prices, {numbers['best_price_mismatches']:,} wrong; "
        f"{numbers['book_checks']:,} books, {numbers['book_mismatches']:,} differ"
    )
    if "witness" in numbers:
        lines.append(_witness_line(numbers["witness"]))
    lines.append(
        f"reconnects: {numbers['reconnect_count']:,}; connection errors: {numbers['connection_errors']:,}; "
        f"reader errors: {numbers['reader_errors']:,}"
    )
    return lines


def _lag_line(lag: dict[str, Any]) -> str:
    """Say how late messages are by the venue's clock; a least lag below zero says that ours is wrong."""
    if not lag["samples"]:
        return "lag: not known yet"
    line = f"lag: p50 {lag['p50_ms']:,.1f} ms, p99 {lag['p99_ms']:,.1f} ms, least {lag['least_ms']:,.1f} ms"
    behind_ms = lag["our_clock_behind_ms"]
    return line + (f"; our clock is at least {behind_ms:,.1f} ms behind the venue's" if behind_ms else "")


def _witness_line(told: dict[str, Any]) -> str:
    """Say what the comparison with REST counts, by its own words."""
    counts = {name.replace("_", " "): value for name, value in told.items() if isinstance(value, int)}
    waiting = told.get("waiting") or 0
    waits = sum(waiting.values()) if isinstance(waiting, dict) else waiting
    return f"compared with REST: {_listed(counts)}; {waits:,} wait"


def _watches_line(told: dict[str, Any]) -> str:
    """Say how many watches stand, and of which nothing can be told now."""
    line = f"watches: {told['count']:,}"
    if told["in_doubt"]:
        line += f", {len(told['in_doubt']):,} in doubt ({', '.join(sorted(told['in_doubt'])[:_NAMED])})"
    return line + (f"; {told['unwritten']:,} entries could not be written" if told["unwritten"] else "")


def _journal_line(told: dict[str, Any]) -> str:
    kept = told["newest"] - told["oldest"] + 1
    return (
        f"journal: {told['newest']:,} entries, {kept:,} kept in {told['bytes'] / 1_000_000:,.1f} MB, "
        f"{told['waiting']:,} wait for the disk; now at {told['id']}.{told['newest']}"
    )


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{figures.age(seconds)} ago"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {figures.one_line(name)}" for name, count in sorted(counts.items()))


def _in_brackets(counts: dict[str, int]) -> str:
    return f" ({_listed(counts)})" if counts else ""
