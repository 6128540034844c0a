"""The way of an order in: who signed it, for which contract, what it asks; then the bookkeeper."""

from typing import Final

from polywire.exchange.answers import Refused
from polywire.exchange.catalogue import Catalogue
from polywire.exchange.trading.bookkeeper import Bookkeeper, Placed, duplicated
from polywire.exchange.trading.forms import OrderForm, engine_order, shares_of
from polywire.exchange.trading.records import ApiKey
from polywire.exchange.trading.recovery import Recovery
from polywire.exchange.trading.signed_orders import signed_order, verified
from polywire.exchange.trading.typed_data import contract_for
from polywire.exchange.trading.wallets import wallets_of

_OWNER: Final = "the order owner has to be the owner of the API KEY"


class Entry:
    """Takes orders.

    Args:
        catalogue: Whose tokens can be traded.
        bookkeeper: Places what is in order.
        recovery: Says who signed.
        chain_id: That orders are signed for.
    """

    def __init__(self, catalogue: Catalogue, bookkeeper: Bookkeeper, recovery: Recovery, chain_id: int) -> None:
        self._catalogue, self._bookkeeper, self._recovery = catalogue, bookkeeper, recovery
        self._chain_id = chain_id

    async def place(self, form: OrderForm, key: ApiKey) -> Placed:
        """Place an order and return what became of it, before that is kept.

        Raises:
            Refused: It was not taken; nothing has changed.
        """
        if form.owner != key.id:
            raise Refused(400, _OWNER)
        market = self._catalogue.of_token(form.order.token_id)
        if market is None:
            raise Refused(400, "Invalid token id")
        order, signature = signed_order(form.order)
        contract = contract_for(order.token, neg_risk=market.neg_risk)
        digest = await verified(self._recovery, order, signature, contract, self._chain_id, key.address)
        order_id = f"0x{digest.hex()}"
        if await self._bookkeeper.took(order_id):
            raise duplicated(order_id)
        wanted = engine_order(form, order_id, form.order.maker.lower(), market.tick)
        return self._bookkeeper.place(wanted, key, form.order.maker, shares_of(form))

    def funder(self, key: ApiKey, signature_type: str) -> str:
        """Return the wallet (lower case) that a key trades with under a signature type.

        Of the two deposit wallets that a key may have, the one that has come here; else the one clients ask for first.

        Raises:
            Refused: There is no such type.
        """
        wallets = wallets_of(key.address)
        match signature_type:
            case "" | "0":
                return key.address
            case "1":
                return wallets.proxy.lower()
            case "2":
                return wallets.safe.lower()
            case "3":
                first, second = (deposit.lower() for deposit in wallets.deposits)
                accounts = self._bookkeeper.accounts
                return second if second in accounts and first not in accounts else first
            case _:
                raise Refused(400, "Invalid signature_type")
