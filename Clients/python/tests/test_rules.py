"""What needs no network: addresses, pauses, the budget, texts and times."""

from __future__ import annotations

import argparse
import socket
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import coupond
from coupond import __main__, _client, _text, _types
from coupond._addresses import Address, parse


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:7070", Address("127.0.0.1", 7070)),
        ("coupond.shop:1", Address("coupond.shop", 1)),
        ("[::1]:65535", Address("::1", 65535)),
        ("unix:/run/coupond.sock", Address("", 0, "/run/coupond.sock")),
    ],
)
def test_an_address(text: str, address: Address) -> None:
    assert parse(text) == address and str(address) == text


@pytest.mark.parametrize(
    "text",
    ["", "7070", ":7070", "host", "host:", "host:0", "host:65536", "host:x", "::1:7070", "unix:x",
     "[host]:1", "host:²", "unix:/" + "x" * 107, "unix:/a\0", "a..b:1", ".a:1", "a\0:1",
     "a" * 64 + ":1"],
)  # fmt: skip
def test_no_address(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


@pytest.mark.parametrize("make", [coupond.Client, coupond.AsyncClient])
@pytest.mark.parametrize("name", [".a", "a..b", "a" * 64, "a\0"])
def test_no_server_name(make: type[coupond.Client], name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a host"):
        make("host:1", server_name=name)


@pytest.mark.parametrize(
    "words",
    [
        ["events", "--after", ""],
        ["issue", "--coupon", "1", "--user", "1", "--request-id", ""],
        ["--tls-ca", "", "health"],
        ["--tls-certificate", "", "health"],
        ["--tls-key", "", "health"],
        ["--tls-server-name", "", "health"],
    ],
)
def test_an_option_is_not_empty(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As of a script whose variable is not set."""
    with pytest.raises(SystemExit) as end:
        __main__.parse(words)
    assert end.value.code == __main__.USAGE and "argument --" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["", "a..b:7070"])
def test_an_address_that_is_none_is_named(address: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["--address", address, "health"]) == __main__.USAGE
    assert capfd.readouterr().err.startswith("coupond: ")


def test_pauses_have_full_jitter_and_bounds() -> None:
    policy = coupond.RetryPolicy(first_pause=0.1, longest_pause=0.4)
    for retry, bound in [(1, 0.1), (2, 0.2), (3, 0.4), (50, 0.4)]:
        pauses = [policy.pause(retry, 0) for _ in range(500)]
        assert 0 <= min(pauses) < bound / 10 and bound * 0.9 < max(pauses) <= bound
        assert all(5 <= policy.pause(retry, 5) <= 5 + bound for _ in range(50))


def test_the_budget_grows_with_calls() -> None:
    budget = coupond.RetryBudget(ratio=0.5, reserve=2, per_second=0)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    budget.count_call()
    assert not budget.spend()
    budget.count_call()
    assert budget.spend() and not budget.spend()


def test_large_numbers_are_strings_in_json() -> None:
    report = {"a": 2**53 - 1, "b": 2**53, "c": True, "d": None, "e": "x"}
    assert _text.json_line(report) == '{"a": 9007199254740991, "b": "9007199254740992", "c": true, "d": null, "e": "x"}'


def test_a_token_is_what_couponctl_reads_of_the_same_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    for text in [b"open sesame", b"open sesame\r\n", b"\xef\xbb\xbfopen sesame\nmore\n"]:
        file.write_bytes(text)
        assert __main__.token(str(file)) == b"open sesame"
    for text in [b"", b"\n", b"a" * 1_025, b"a\0b", b"caf\xe9"]:
        file.write_bytes(text)
        with pytest.raises(argparse.ArgumentTypeError):
            __main__.token(str(file))


def test_a_token_in_place_of_its_path_is_not_quoted() -> None:
    with pytest.raises(argparse.ArgumentTypeError) as error:
        __main__.token("s3cret")
    assert "s3cret" not in str(error.value)


def test_a_token_file_without_an_end_takes_little_memory() -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        __main__.token("/dev/zero")


@pytest.mark.parametrize("text", ["", "0", "-1", "1_0", " 1", "1 2", "²", "１", "1" * 20, str(2**63)])
def test_an_id_is_written_in_digits(text: str) -> None:
    for kind in (__main__.positive, __main__.milliseconds):
        with pytest.raises(argparse.ArgumentTypeError):
            kind(text)
    assert __main__.positive(str(2**63 - 1)) == 2**63 - 1


@pytest.mark.parametrize("text", ["nan", "inf", "0", "-1", "1e9"])
def test_a_time_limit_is_a_number(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        __main__.seconds(text)


def test_a_silent_address_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []

    class Silent(socket.socket):
        def settimeout(self, value: float | None) -> None:
            limits.append(value or 0)

        def connect(self, address: object) -> None:
            raise TimeoutError

    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("192.0.2.1", 1))] * 4
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "socket", Silent)
    with pytest.raises(TimeoutError):
        _client._connect_tcp(Address("four.addresses", 1), 8)
    assert [round(limit) for limit in limits] == [2, 3, 4, 8]


def test_times_are_those_of_couponctl() -> None:
    for microseconds, text in [
        (0, "1970-01-01T00:00:00Z"),
        (1_500_000, "1970-01-01T00:00:01.5Z"),
        (1_795_370_035_783_553, "2026-11-22T17:53:55.783553Z"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00Z"),
    ]:
        time = _types.moment(microseconds)
        assert _text.rfc3339(time) == text and _types.microseconds(time) == microseconds
    east = datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    assert _types.moment(_types.microseconds(east)) == east
    with pytest.raises(ValueError):
        _types.microseconds(datetime(2026, 3, 1))


def test_texts_from_outside_are_escaped() -> None:
    assert _text.safe_for_terminal("봄\x1b[31m\u202e") == "봄\\u{1b}[31m\\u{202e}"
    assert _text.json_line({"a": "\x9b\u200b"}) == '{"a": "\\u009b\\u200b"}'


def test_numbers_in_json_are_those_of_couponctl() -> None:
    """Programs that read numbers as doubles would change those above 2^53 - 1."""
    report = {"a": 2**53 - 1, "b": 2**53, "c": 2**63 - 1, "d": 1 - 2**53, "e": -(2**53), "f": True}
    assert _text.json_line(report) == (
        '{"a": 9007199254740991, "b": "9007199254740992", "c": "9223372036854775807", '
        '"d": -9007199254740991, "e": "-9007199254740992", "f": true}'
    )
