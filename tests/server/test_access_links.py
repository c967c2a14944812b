"""Links and codes for other devices, and what a proxy says of the caller."""

import pytest
from aiohttp.test_utils import make_mocked_request

from poi_server.auth import Gate, host_name

HOSTS = ("localhost", "127.0.0.1", "[::1]", "192.0.2.7")


def gate(**more: object) -> Gate:
    """A gate of a server on all addresses."""
    options = {"hosts": HOSTS, "proxies": (), "secure": True, "reachable": "192.0.2.7"} | more
    return Gate(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "shared"),
    [
        ("127.0.0.1:8443", "https://192.0.2.7:8443"),
        ("localhost", "https://192.0.2.7"),
        ("[::1]:8443", "https://192.0.2.7:8443"),
        ("192.0.2.7:8443", "https://192.0.2.7:8443"),
    ],
)
def test_a_phone_is_never_sent_to_its_own_loopback(host: str, shared: str) -> None:
    assert gate().shared_url(make_mocked_request("GET", "/", {"Host": host})) == shared


def test_on_loopback_alone_there_is_no_other_name() -> None:
    request = make_mocked_request("GET", "/", {"Host": "localhost:8080"})
    assert gate(reachable=None, secure=False).shared_url(request) == "http://localhost:8080"


def test_behind_a_proxy_the_public_address_counts() -> None:
    request = make_mocked_request("GET", "/", {"Host": "shop.example"})
    behind = gate(public_url="https://shop.example/", proxies=("192.0.2.0/24",), secure=False)
    assert behind.shared_url(request) == "https://shop.example"
    assert behind.secure(request)
    assert behind.strict


@pytest.mark.parametrize(
    ("peer", "address"), [("192.0.2.9", "203.0.113.5"), ("198.51.100.1", "198.51.100.1"), ("127.0.0.1", "127.0.0.1")]
)
def test_only_a_declared_proxy_is_believed(peer: str, address: str) -> None:
    headers = {"Host": "localhost", "X-Forwarded-For": "10.0.0.1, 203.0.113.5"}
    request = make_mocked_request("GET", "/", headers).clone(remote=peer)
    assert gate(proxies=("192.0.2.0/24",)).address_of(request) == address


@pytest.mark.parametrize(
    ("host", "name"),
    [("LOCALHOST:80", "localhost"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("a.b", "a.b"), ("", ""), ("x:", "x:")],
)
def test_the_name_in_a_host_header(host: str, name: str) -> None:
    assert host_name(host) == name
