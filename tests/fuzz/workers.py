"""Plays numbered worlds on several cores. A crash of a worker names the world it was in."""

import faulthandler
from collections.abc import Iterator
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import NamedTuple

from tests.fuzz.tally import Tally
from tests.fuzz.trial import trial
from tests.fuzz.world import asks_of


class Report(NamedTuple):
    """Pairs compared and what was met so far; `trouble` says what went wrong, for people."""

    pairs: int
    tally: Tally
    trouble: str = ""


def fuzz(pairs: int, seed: int, jobs: int) -> Iterator[Report]:
    """Compare at least so many pairs of an offer set and an event; a report a world. No job: in this process."""
    spawn, worlds = get_context("spawn"), _worlds_for(pairs)
    if not jobs:
        yield from _here(seed, worlds)
        return
    links: dict[Connection, BaseProcess] = {}
    for job in range(jobs):
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=_work, args=(theirs, seed, range(job, worlds, jobs)), daemon=True)
        process.start()
        theirs.close()
        links[ours] = process
    try:
        yield from _gathered(list(links), seed)
    finally:
        for process in links.values():
            process.kill()
            process.join()


def _worlds_for(pairs: int) -> int:
    made = 0
    for number in count():
        if made >= pairs:
            break
        made += asks_of(number)
    return number


def _here(seed: int, worlds: int) -> Iterator[Report]:
    pairs, tally = 0, Tally()
    for number in range(worlds):
        pairs += asks_of(number)
        trouble = trial(seed, number, tally)
        yield Report(pairs, tally, trouble)
        if trouble:
            return


def _gathered(links: list[Connection], seed: int) -> Iterator[Report]:
    pairs, tally, world_of = 0, Tally(), dict.fromkeys(links, -1)
    while world_of:
        for link in wait(list(world_of)):
            assert isinstance(link, Connection)
            try:
                number, met, trouble = link.recv()
            except EOFError:
                number = world_of[link]
                trouble = f"a worker died in world {number}; to see it: make fuzz SEED={seed} WORLD={number}"
            if trouble:
                yield Report(pairs, tally, trouble)
                return
            if number is None:
                del world_of[link]
            elif met is None:
                world_of[link] = number
            else:
                pairs += asks_of(number)
                tally.update(met)
                yield Report(pairs, tally)


def _work(link: Connection, seed: int, numbers: range) -> None:
    """Sends (world, None, "") before a world, (world, what was met, trouble) after it, (None, None, "") at the end."""
    faulthandler.enable()
    for number in numbers:
        link.send((number, None, ""))
        tally = Tally()
        link.send((number, tally, trial(seed, number, tally)))
    link.send((None, None, ""))
