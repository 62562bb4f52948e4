"""Texts from outside on a terminal and in JSON: they may hold escapes and marks that mislead."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime


def rfc3339(time: datetime) -> str:
    """As couponctl prints times: UTC, with as many digits of the second as it needs."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S").zfill(19)
    fraction = f".{time.microsecond:06}".rstrip("0") if time.microsecond else ""
    return f"{whole}{fraction}Z"


# Letters that joiners join or keep apart: from Hebrew to Vedic, and later blocks of the same scripts.
_JOINED = ((0x0590, 0x10FF), (0x1200, 0x1CFF), (0xA800, 0xABFF), (0x11000, 0x11FFF))
# What Unicode calls default ignorable, beside the formats: fillers, choices of style, tags.
_INVISIBLE = (
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2065, 0x2065),
    (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF),
)  # fmt: skip


def _is_in(character: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(character) <= last for first, last in ranges)


def _may_mislead(character: str) -> bool:
    """Control characters, other line ends, and what shows nothing itself."""
    if character.isascii():
        return character < " " or character == "\x7f"
    category = unicodedata.category(character)
    return category in ("Cc", "Cf", "Zl", "Zp", "Cs") or _is_in(character, _INVISIBLE)


def _is_emoji(character: str) -> bool:
    if character.isascii():
        return character in "#*0123456789"
    return unicodedata.category(character) in ("So", "Sk", "Sm", "Po")


def _is_joined(character: str) -> bool:
    if character.isascii():
        return False
    return _is_emoji(character) or character == "\ufe0f" or _is_in(character, _JOINED)


def _is_unsafe(last: str, character: str, following: str) -> bool:
    """Whether a character must be escaped between these two, of which either may be empty.

    Joiners stay between letters of scripts that need them and between emoji, a choice of style after its
    emoji. Elsewhere their only effect is that two texts that look alike differ.
    """
    if not _may_mislead(character):
        return False
    if character in "\u200c\u200d":
        return not (last and following and _is_joined(last) and _is_joined(following))
    if character in "\ufe0e\ufe0f":
        return not (last and _is_emoji(last))
    return True


def _escaped(text: str, escape: Callable[[str], str]) -> str:
    neighbours = zip(" " + text, text, text[1:] + " ")
    return "".join(escape(c) if _is_unsafe(last, c, after) else c for last, c, after in neighbours)


def safe_for_terminal(text: str) -> str:
    """As couponctl shows texts from outside: `\\u{1b}`."""
    return _escaped(text, lambda c: f"\\u{{{ord(c):x}}}")


def _exact(value: object) -> object:
    """A text for a number that programs which read numbers as doubles would change: above 2^53 - 1."""
    return str(value) if isinstance(value, int) and abs(value) >= 2**53 else value


def json_line(report: Mapping[str, object]) -> str:
    """One JSON object in one line, with numbers as couponctl has them."""
    text = json.dumps({name: _exact(value) for name, value in report.items()}, ensure_ascii=False)
    # They stand in strings only, where this form means the same.
    return _escaped(text, lambda c: json.dumps(c)[1:-1])
