"""Which addresses may be spoken to: http and https, and public unless a person allows private ones.

A name is resolved once, every answer is checked, and the connection goes to the checked number
itself, so that a name which changes its answer between check and use (DNS rebinding) gains
nothing. Decimal, octal and short forms of an address are caught in the same way: the check sees
what the resolver made of them.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit, urlunsplit

from lookalike.sources.http.refusals import RefusedError

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST_URL = 4096


def clean(url: str) -> str:
    """The address in one form (lower case, no fragment, no default port), or RefusedError.

    Raises:
        RefusedError: another scheme than http(s), no host, a name and password, or
            control characters.
    """
    text = url.strip()
    if len(text) > LONGEST_URL:
        raise RefusedError("address too long", f"{len(text)} characters")
    if any(ord(letter) < 33 or ord(letter) == 127 for letter in text):
        text = text.replace(" ", "%20")
        if any(ord(letter) < 33 or ord(letter) == 127 for letter in text):
            raise RefusedError("not an address", repr(text[:80]))
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError as problem:
        raise RefusedError("not an address", f"{text[:80]!r} ({problem})") from problem
    if scheme not in DEFAULT_PORTS:
        raise RefusedError("not http or https", repr(text[:80]))
    if not host:
        raise RefusedError("not an address", f"{text[:80]!r} has no host")
    if parts.username is not None or parts.password is not None:
        raise RefusedError("not an address", "it carries a name or a password")
    place = f"[{host}]" if ":" in host else host
    if port is not None and port != DEFAULT_PORTS[scheme]:
        place = f"{place}:{port}"
    return urlunsplit((scheme, place, parts.path or "/", parts.query, ""))


def host_of(url: str) -> str:
    """The host with its port, the unit of politeness."""
    return urlsplit(url).netloc


def is_public(address: str) -> bool:
    """Whether a numeric address belongs to the public internet."""
    number = _innermost(address)
    if isinstance(number, ipaddress.IPv6Address) and number.is_site_local:
        return False
    return number.is_global and not (
        number.is_multicast or number.is_reserved or number.is_loopback or number.is_link_local
    )


def is_nobodys(address: str) -> bool:
    """Whether an address is no server's that a person could mean: link-local or multicast.

    Clouds answer at 169.254.169.254 with the keys of the machine that asks.
    """
    number = _innermost(address)
    return number.is_link_local or number.is_multicast


def _innermost(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address, or the IPv4 address that an IPv6 one wraps."""
    number = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(number, ipaddress.IPv4Address):
        return number
    inner = number.ipv4_mapped or number.sixtofour or (number.teredo or (None, None))[1]
    if inner is None and number in NAT64:
        inner = ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)
    return number if inner is None else inner


def resolve(host: str, port: int) -> list[str]:
    """The numeric addresses of a name, without repeats."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def checked(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses that a connection to ``host`` may use.

    Raises:
        RefusedError: the name is unknown, or any of its addresses is private, loopback, link-local,
            multicast or reserved while ``allow_private`` is off; link-local and multicast also
            while it is on.
    """
    try:
        addresses = resolve(host, port)
    except (OSError, UnicodeError) as problem:
        raise RefusedError("host not found", f"{host} ({problem})", final=False) from problem
    nobodys = [address for address in addresses if is_nobodys(address)]
    if nobodys and allow_private:
        words = f"{host} leads to {nobodys[0]}, which is link-local or multicast: never fetched"
        raise RefusedError("private address", words, final=False)
    private = [] if allow_private else [address for address in addresses if not is_public(address)]
    if private:
        raise RefusedError(
            "private address",
            f"{host} leads to {private[0]}; pass --allow-private if that is your own server",
            final=False,
        )
    return addresses
