"""Whatever a stranger writes stays between the marks."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from polywire.interfaces.mcp.strangers import CLOSE, OPEN, RULE, fence

HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            [OPEN, CLOSE, "\n", "\r", "\u2028", "\u202e", "\u200b", "\U000e0041", "\x1b", "\x00", "'", '"', "`"]
        ),
    ),
    max_size=1_500,
)


@given(HOSTILE, st.integers(2, 300))
def test_nothing_breaks_out(text: str, longest: int) -> None:
    fenced = fence(text, longest)
    inside = fenced[1:-1]
    assert (fenced[0], fenced[-1]) == (OPEN, CLOSE)
    assert OPEN not in inside
    assert CLOSE not in inside
    assert len(inside) <= longest
    assert fenced.splitlines() == [fenced]
    assert not [letter for letter in inside if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}]


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=100))
def test_plain_words_are_left_as_they_are(text: str) -> None:
    assert fence(text) == f"{OPEN}{text}{CLOSE}"


def test_what_is_cut_says_so() -> None:
    assert fence("a" * 10, 4) == "⟦aaa…⟧"
    assert fence("\u200b" * 2_000) == "⟦…⟧"


def test_the_rule_shows_the_marks() -> None:
    assert f"between {OPEN} and {CLOSE}" in RULE
