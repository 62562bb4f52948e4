#!/usr/bin/env python3
"""Follows the events of coupond, sends each page to a webhook, and goes on where it ended.

    forward.py --bookmark-file bookmark --webhook http://127.0.0.1:8080/coupons

Needs the package of Clients/python. Without a webhook it prints the events as JSON lines. The bookmark is
written after the webhook has answered: if the program ends in between, the last page is sent again. Each
event has a name, `place`, by which a receiver drops what it has already.
"""

import argparse
import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import coupond


def exact(number: int | None) -> int | str | None:
    """A text above 2^53 - 1, as couponctl has it: JavaScript, for one, would change the number."""
    return str(number) if number is not None and number >= 2**53 else number


def document(event: coupond.Event) -> dict[str, object]:
    """An event as the webhook gets it."""
    return {
        "place": list(event.place),
        "event": event.kind.name,
        "coupon": exact(event.coupon),
        "user": exact(event.user),
        "sequence": exact(event.sequence),
        "request_id": event.request_id.hex() if event.request_id is not None else None,
        "reason": event.reason.name if event.reason else None,
        "committed_at": event.committed_at.isoformat(),
    }


def send(webhook: str, documents: list[dict[str, object]]) -> None:
    """Tries until the webhook has the events: an answer of 4xx or 5xx does not count."""
    body = json.dumps(documents).encode()
    headers = {"Content-Type": "application/json"}
    pause = 0.1
    while True:
        try:
            request = urllib.request.Request(webhook, body, headers)
            with urllib.request.urlopen(request, timeout=10):
                return
        except OSError as error:
            print(f"the webhook does not take the events: {error}", file=sys.stderr)
            time.sleep(pause)
            pause = min(2 * pause, 10)


def keep(file: Path, bookmark: bytes) -> None:
    """A crash leaves the old bookmark or the new one; the file keeps its mode, and links to it stay."""
    file = file.resolve()
    new = file.with_name(file.name + ".new")
    with new.open("w") as target:
        if file.exists():
            shutil.copymode(file, new)
        target.write(bookmark.hex() + "\n")
        target.flush()
        os.fsync(target.fileno())
    new.replace(file)


def run(arguments: argparse.Namespace) -> None:
    file: Path = arguments.bookmark_file
    after = bytes.fromhex(file.read_text()) if file.exists() else b""
    with coupond.Client(*arguments.address or [], caller_token=arguments.caller_token) as client:
        # Without a bookmark it begins with the oldest event that is kept: a new receiver misses nothing.
        for page in client.events(after, from_oldest=True):
            for partition, reason in page.resets.items():
                # What the receiver has of this partition is incomplete or no longer true: the receiver must
                # compare its own list with that of `couponctl coupon issues`.
                print(f"partition {partition}: {reason.name}", file=sys.stderr, flush=True)
            documents = [document(event) for event in page.events]
            if arguments.webhook and documents:
                send(arguments.webhook, documents)
            else:
                for one in documents:
                    print(json.dumps(one))
                sys.stdout.flush()
            keep(file, page.bookmark)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--address", action="append", help="once for each daemon")
    parser.add_argument("--bookmark-file", type=Path, required=True)
    parser.add_argument("--webhook", help="an URL that gets a JSON array by POST")
    parser.add_argument(
        "--caller-token-file", dest="caller_token", default=b"", metavar="FILE",
        type=lambda path: Path(path).read_bytes().split(b"\n")[0],
    )  # fmt: skip
    try:
        run(parser.parse_args())
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
