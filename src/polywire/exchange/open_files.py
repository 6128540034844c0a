"""How many sockets this process may hold."""

import contextlib
import resource


def allow_many_sockets() -> int:
    """Raise what this process may hold open to what it is allowed to, and return it.

    Many systems begin with 256 or 1,024, and a thousand clients are nothing unusual.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # macOS refuses more than its kernel's own limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
