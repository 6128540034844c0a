"""What a new wallet is given can be chosen."""

import pytest

from e2e.processes import asked, exchange

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize(("chosen", "given"), [(("--grant", "77.5"), "77.5"), (("--grant", "0"), "0"), ((), "10000")])
async def test_an_exchange_grants_what_it_was_told_to(chosen: tuple[str, ...], given: str) -> None:
    async with exchange(*chosen) as url:
        about = await asked(f"{url}/venue?ledger=0")
        assert about["grant"] == given
        wallet = "0x" + "ab" * 20
        assert (await asked(f"{url}/venue/accounts/{wallet}", {"collateral": given}))["granted"] == given
