"""Where daemons listen, and the TLS to them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass


@dataclass(frozen=True)
class Address:
    """A TCP address, or a unix socket."""

    host: str
    port: int
    path: str | None = None
    """Of a unix socket; None for TCP."""

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def checked_host(host: str) -> str:
    """A name that DNS and TLS take.

    :raises ValueError: if it is none: each call would end with it, and not with an answer or a `CouponError`.
    """
    try:
        name = host.encode("idna")
    except UnicodeError:
        name = b""
    if not name or name.startswith(b".") or b"\0" in name:
        raise ValueError(f"{host}: is not the name of a host")
    return host


def parse(text: str) -> Address:
    """`HOST:PORT`, `[HOST]:PORT` for IPv6, or `unix:/PATH`.

    :raises ValueError: if it is none of these.
    """
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path.startswith("/") or len(path.encode()) > 107 or "\0" in path:
            raise ValueError(f"{text}: a unix socket needs an absolute path of at most 107 bytes")
        return Address("", 0, path)
    host, colon, port = text.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if is_bracketed else host
    is_port = port.isascii() and port.isdecimal() and 1 <= int(port) <= 65_535
    if not colon or not host or not is_port or (":" in host) != is_bracketed:
        raise ValueError(f"{text}: must be HOST:PORT, [HOST]:PORT or unix:/PATH")
    return Address(checked_host(host), int(port))


def tls_context(
    *,
    authority: str | None = None,
    certificate: str | None = None,
    key: str | None = None,
) -> ssl.SSLContext:
    """TLS 1.2 or later, with a check of the daemon's certificate.

    :param authority: a PEM file; only its CAs are trusted. By default those of the system.
    :param certificate: our own certificate (PEM), for a daemon that asks for one.
    :param key: its key (PEM); by default in the same file.
    :raises OSError: if a file cannot be used.
    """
    context = ssl.create_default_context(cafile=authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def is_refused_certificate(error: BaseException) -> bool:
    """Whether the daemon did not accept our certificate, or that we have none."""
    reason = getattr(error, "reason", None) or ""
    return (
        isinstance(error, ssl.SSLError)
        and "ALERT" in reason
        and ("CERT" in reason or "UNKNOWN_CA" in reason or "HANDSHAKE" in reason)
    )
