"""docs/settings.md has every setting with its variable, default and bounds, and every other variable that is read."""

import re
import tomllib
from typing import Any

import pytest
from annotated_types import Ge, Gt, Le

from docs.pages import ROOT, names, page, rows, section
from polywire.settings import Settings

PAGE = page("settings.md")
READS = re.compile(r"""(?:environ\[|environ\.get\(|getenv\(|VARIABLE: Final = |\$\{)["']?(POLYWIRE_\w+)""")
"""How a variable is read, in Python and in the launcher, and how an assistant is told to read one."""

ROWS = {names(row[0])[0]: row for row in rows(PAGE) if len(row) == 5}
"""Only settings have tables of five columns."""


def bounds_of(name: str) -> str:
    """Return the bounds of a number as the page words them; "" where it has none, or is no number."""
    told = {type(one): one for one in Settings.model_fields[name].metadata}
    least, above, most = (told.get(kind) for kind in (Ge, Gt, Le))
    if above is not None:
        return f"above {above.gt}"
    if least is None:
        return ""
    return f"from {least.ge}" if most is None else f"{least.ge} to {most.le}"


def written(value: Any) -> str:
    """Return a value as it stands in a file of settings."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def test_every_setting_has_a_row_and_no_row_is_of_none() -> None:
    assert sorted(ROWS) == sorted(Settings.model_fields)


@pytest.mark.parametrize("name", ROWS)
def test_a_settings_row_names_its_variable(name: str) -> None:
    assert names(ROWS[name][1]) == [f"{Settings.model_config['env_prefix']}{name.upper()}"]


@pytest.mark.parametrize("name", [name for name in ROWS if name not in {"data", "http_hosts", "http_origins"}])
def test_a_settings_default_is_the_codes(name: str) -> None:
    assert names(ROWS[name][2]) == [written(Settings.model_fields[name].default)]


@pytest.mark.parametrize("name", [name for name in ROWS if bounds_of(name)])
def test_a_numbers_bounds_are_the_codes(name: str) -> None:
    assert ROWS[name][3] == bounds_of(name)


def test_every_number_has_bounds() -> None:
    numbers = {name for name, field in Settings.model_fields.items() if field.annotation in {int, float}}
    assert {name for name in ROWS if bounds_of(name)} == numbers


def test_the_file_that_is_shown_is_taken(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"POLYWIRE_{name.upper()}", raising=False)
    (tmp_path / "polywire.toml").write_text(shown)
    taken = Settings(data=tmp_path).model_dump(mode="json")
    assert len(tomllib.loads(shown)) > 2
    assert tomllib.loads(shown).items() <= taken.items()


def test_every_other_variable_that_is_read_has_a_row_and_no_row_is_of_one_that_is_not() -> None:
    read = {
        name
        for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), ROOT / "polywire"]
        if path.parent.name != "docs"
        for name in READS.findall(path.read_text())
    }
    told = {name for row in rows(section(PAGE, "## Other variables")) for name in names(row[0])}
    settings = {f"POLYWIRE_{name.upper()}" for name in Settings.model_fields}
    assert read - settings == {name for name in told if name.startswith("POLYWIRE_")}
