import socket

import pytest

from lookalike.sources.http.addresses import checked, clean, host_of, is_public
from lookalike.sources.http.refusals import RefusedError


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "198.18.0.1",
        "192.0.2.1",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12:3456::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "::127.0.0.1",
        "2001:db8::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)
def test_private_reserved_and_wrapped_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0177.0.0.1", "0x7f.1", "127.1", "localhost", "::1"]
)
def test_every_spelling_of_the_loopback_is_refused(host: str) -> None:
    with pytest.raises(RefusedError, match="private address"):
        checked(host, 80, allow_private=False)


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "2852039166", "::ffff:169.254.169.254", "fe80::1", "224.0.0.1"]
)
@pytest.mark.parametrize("allowed", [True, False])
def test_link_local_and_multicast_are_refused_whatever_is_allowed(host: str, allowed: bool) -> None:
    with pytest.raises(RefusedError, match="private address"):
        checked(host, 80, allow_private=allowed)
    assert checked("127.0.0.1", 80, allow_private=True) == ["127.0.0.1"]


def test_one_private_answer_among_public_ones_refuses_the_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [(2, 1, 6, "", (address, 80)) for address in ("8.8.8.8", "10.0.0.7")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(RefusedError, match=r"10\.0\.0\.7"):
        checked("pictures.example", 80, allow_private=False)
    assert checked("pictures.example", 80, allow_private=True) == ["8.8.8.8", "10.0.0.7"]


def test_an_unknown_host_may_be_tried_again_another_day(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror("unknown")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(RefusedError, match="host not found") as caught:
        checked("nowhere.example", 80, allow_private=False)
    assert not caught.value.final


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        ("HTTP://Example.COM:80/A?b#c", "http://example.com/A?b"),
        ("https://example.com", "https://example.com/"),
        ("https://example.com:443/x", "https://example.com/x"),
        ("http://[2606:4700::1]:8080/x", "http://[2606:4700::1]:8080/x"),
        (" https://example.com/a b.jpg ", "https://example.com/a%20b.jpg"),
    ],
)
def test_one_address_has_one_form(given: str, cleaned: str) -> None:
    assert clean(given) == cleaned
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    "bad",
    [
        "file:///etc/passwd",
        "gopher://example.com/",
        "ftp://example.com/a.jpg",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "//example.com/a.jpg",
        "http:///a.jpg",
        "http://name:word@example.com/",
        "http://example.com:99999/",
        "http://[::1/",
        "http://exa\nmple.com/",
        "",
        "http://example.com/" + "a" * 5000,
    ],
)
def test_other_schemes_and_malformed_addresses_are_refused(bad: str) -> None:
    with pytest.raises(RefusedError):
        clean(bad)


def test_a_host_is_counted_with_its_port() -> None:
    assert host_of("http://example.com:8080/a") == "example.com:8080"
