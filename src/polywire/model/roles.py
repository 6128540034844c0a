"""Who may do what over the network. A token has roles; it is no user: a data directory has one owner."""

from enum import StrEnum

import msgspec


class Role(StrEnum):
    """What a token is good for."""

    READ = "read"  # see everything that is no secret, own orders and trades included; make watches
    PUBLISH = "publish"  # write notices
    TRADE = "trade"  # propose orders to the desk
    ADMIN = "admin"  # all of it


class Grant(msgspec.Struct, frozen=True):
    """What a request was let in with."""

    name: str  # of the token; "" where none was needed
    roles: frozenset[Role]

    def may(self, role: Role) -> bool:
        """Return whether this is enough for a role.

        >>> Grant("laptop", frozenset({Role.READ})).may(Role.TRADE)
        False
        """
        return role in self.roles or Role.ADMIN in self.roles


EVERYTHING = Grant("", frozenset({Role.ADMIN}))
"""What everybody on this machine has on paper."""
