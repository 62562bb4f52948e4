#!/usr/bin/env python3
"""Writes coupons and their holders, from two CSV files, to coupond: see README.md."""

import argparse
import asyncio
import collections
import csv
import hashlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import coupond

AT_ONCE = 500
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def request_id(coupon: int, user: int) -> bytes:
    """The same in each run, so that a second run issues nothing twice and counts nothing as a failure."""
    return hashlib.blake2b(f"legacy {coupon} {user}".encode(), digest_size=16).digest()


def moment(microseconds: str) -> datetime:
    return EPOCH + timedelta(microseconds=int(microseconds))


async def make(client: coupond.AsyncClient, row: dict[str, str]) -> coupond.Coupon:
    """The coupon, open for the time of the migration."""
    try:
        return await client.create_coupon(
            int(row["id"]),
            row["title"],
            total=int(row["total"]) if row["total"] else None,
            opens_at=datetime.now(timezone.utc) - timedelta(hours=1),
        )
    except coupond.NotAcceptedError as error:
        if error.code != coupond.Code.ALREADY_EXISTS:
            raise
        return await client.coupon(int(row["id"]))


async def give(client: coupond.AsyncClient, coupon: int, user: int) -> str | None:
    """Issues the coupon to a holder. Returns the reason if that fails."""
    answer = await client.issue(
        coupon, user, request_id=request_id(coupon, user), attempt=1
    )
    return None if answer.has_coupon else f"coupon {coupon}, user {user}: {answer.outcome.name}"


async def holders_of(client: coupond.AsyncClient, coupon: int) -> AsyncIterator[int]:
    after = 0
    while page := await client.issues(coupon, after=after, limit=1_000):
        for issue in page:
            yield issue.user
        after = page[-1].user


async def migrate(client: coupond.AsyncClient, row: dict[str, str], users: list[int]) -> list[str]:
    """Migrates a coupon. Returns what went wrong. Its window is last: nobody should know its id before."""
    coupon = await make(client, row)
    problems: list[str] = []
    for first in range(0, len(users), AT_ONCE):
        part = users[first : first + AT_ONCE]
        answers = await asyncio.gather(*(give(client, coupon.id, user) for user in part))
        problems += [answer for answer in answers if answer is not None]
    written = {user async for user in holders_of(client, coupon.id)}
    problems += [f"coupon {coupon.id}: user {user} is missing" for user in set(users) - written]
    if not problems:
        await client.update_coupon(
            coupon.id,
            opens_at=moment(row["opens_at"]),
            closes_at=moment(row["closes_at"]) if row["closes_at"] else None,
        )
        print(f"coupon {coupon.id}: {len(users)} holders")
    return problems


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


async def run(arguments: argparse.Namespace) -> int:
    token = arguments.admin_token_file.read_bytes().strip() if arguments.admin_token_file else b""
    # In order: the holders keep the order of the old table, except within a part.
    holders: dict[int, list[int]] = collections.defaultdict(list)
    for row in read(arguments.holders):
        holders[int(row["coupon_id"])].append(int(row["user_id"]))
    problems: list[str] = []
    async with coupond.AsyncClient(
        *arguments.address or [], deadline=30, admin_token=token
    ) as client:
        for row in read(arguments.coupons):
            problems += await migrate(client, row, holders.pop(int(row["id"]), []))
    problems += [
        f"coupon {coupon}: not found, and it has {len(users)} holders"
        for coupon, users in holders.items()
    ]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("coupons", type=Path)
    parser.add_argument("holders", type=Path)
    parser.add_argument("--address", action="append")
    parser.add_argument("--admin-token-file", type=Path)
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    raise SystemExit(main())
