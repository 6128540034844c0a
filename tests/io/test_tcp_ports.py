"""Ports: free, taken, and by whom."""

import socket
from collections.abc import Iterator

import pytest

from polywire.errors import PolywireError
from polywire.io import tcp_ports

HERE = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((HERE, 0)) as server:
        yield server.getsockname()[1]


def test_a_port_somebody_listens_on_is_not_free_and_the_message_names_the_option(taken: int) -> None:
    assert not tcp_ports.is_free(HERE, taken)
    with pytest.raises(PolywireError, match=f"port {taken} on {HERE} is in use.*choose another with --port"):
        tcp_ports.refuse_if_taken(HERE, taken, "--port")


def test_a_port_that_was_given_back_is_free_at_once() -> None:
    """As for a server: connections that linger in the kernel are no bar."""
    with socket.create_server((HERE, 0)) as server, socket.create_connection(server.getsockname()) as client:
        port = server.getsockname()[1]
        accepted, _ = server.accept()
        accepted.close()
        client.recv(1)
    assert tcp_ports.is_free(HERE, port)
    tcp_ports.refuse_if_taken(HERE, port, "--port")


def test_a_port_that_a_connection_happens_to_have_is_not_free(taken: int) -> None:
    with socket.create_connection((HERE, taken)) as client:
        assert not tcp_ports.is_free(HERE, client.getsockname()[1])


def test_any_port_is_never_taken() -> None:
    tcp_ports.refuse_if_taken(HERE, 0, "--port")


def test_the_next_free_port_is_found_and_any_where_none_is_near(taken: int) -> None:
    assert tcp_ports.free_near(HERE, taken, tries=1) == 0
    assert tcp_ports.free_near(HERE, taken, tries=20) > taken


def test_an_address_of_another_machine_is_refused_with_the_option() -> None:
    with pytest.raises(PolywireError, match="--host"):
        tcp_ports.is_free("no.such.host.invalid", 1)
    with pytest.raises(PolywireError, match="cannot be listened on"):
        tcp_ports.is_free("192.0.2.1", 8421)  # reserved for documentation, nobody's
