#!/usr/bin/env python3
"""Asks for one coupon for many users at once, and prints what they were answered and how fast.

    load.py --coupon 1 --users 20000 --tasks 200

Needs the package of Clients/python. The exit code is 1 if a request has no answer, or if more users got the
coupon than its total.
"""

import argparse
import asyncio
import collections
import time

import coupond


async def one_task(
    client: coupond.AsyncClient,
    arguments: argparse.Namespace,
    users: collections.abc.Iterator[int],
    answers: collections.Counter[str],
    times: list[float],
) -> None:
    wait_for = coupond.WaitFor.ISSUED if arguments.wait_issued else coupond.WaitFor.ACCEPTED
    for user in users:
        began = time.perf_counter()
        try:
            answer = await client.issue(arguments.coupon, user, wait_for=wait_for)
            answers[answer.outcome.name] += 1
        except coupond.CouponError as error:
            answers[f"no answer: {error.acceptance.name}"] += 1
        times.append(time.perf_counter() - began)


async def run(arguments: argparse.Namespace) -> int:
    answers: collections.Counter[str] = collections.Counter()
    times: list[float] = []
    # All tasks draw from it, so each user asks once.
    users = iter(range(arguments.first_user, arguments.first_user + arguments.users))
    async with coupond.AsyncClient(*arguments.address or [], deadline=10) as client:
        began = time.perf_counter()
        await asyncio.gather(
            *(one_task(client, arguments, users, answers, times) for _ in range(arguments.tasks))
        )
        seconds = time.perf_counter() - began
        status = await client.status(arguments.coupon)
    for name, count in sorted(answers.items()):
        print(f"{name:26} {count:9}")
    times.sort()
    print(f"{len(times) / seconds:.0f} answers/s; ", end="")
    for share in (0.5, 0.99, 1):
        longest = times[int((len(times) - 1) * share)]
        print(f"{share:.0%} within {longest * 1_000:.1f} ms", end="\n" if share == 1 else ", ")
    lost = sum(count for name, count in answers.items() if name.startswith("no answer"))
    is_over = status.coupon.total is not None and status.accepted > status.coupon.total
    return 1 if lost or is_over else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--address", action="append", help="once for each daemon")
    parser.add_argument("--coupon", type=int, required=True)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--first-user", type=int, default=1)
    parser.add_argument("--tasks", type=int, default=200, help="requests at once")
    parser.add_argument("--wait-issued", action="store_true")
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    raise SystemExit(main())
