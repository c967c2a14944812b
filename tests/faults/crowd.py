"""Several tills at one server, which serve until something happens and then bring what they began to its end."""

import asyncio

from tests.faults.place import Place
from tests.faults.till import Book, Till

TILLS = 5


class Crowd:
    """The tills of one place and the book of what they were told."""

    def __init__(self, place: Place, seed: str, *, base_url: str = "") -> None:
        self.book = Book()
        self._place = place
        self._seed = seed
        self._base_url = base_url or place.base_url
        self._round = 0

    def serve(self, stop: asyncio.Event, *, closing: bool = False) -> "asyncio.Future[list[None]]":
        """They serve until `stop`, and end when each has brought its visit to an end; `closing`: one more sells a
        little at a counter of its own and closes the day."""
        self._round += 1
        tasks = [till.serve_until(stop) for till in self._tills()]
        if closing:
            station = self._place.stations[2 * TILLS + self._round - 1]
            tasks.append(self._till("closing", station, station, self._place.cards[-1]).close_day())
        return asyncio.gather(*tasks)

    def _tills(self) -> list[Till]:
        stations, cards = self._place.stations, self._place.cards
        return [
            self._till(str(number), stations[2 * number], stations[2 * number + 1], cards[number])
            for number in range(TILLS)
        ]

    def _till(self, number: str, home: str, beside: str, card: str) -> Till:
        name = f"{self._round}-{number}"
        made = Till(name, self._base_url, home, beside, card, self.book, f"{self._seed} {name}")
        made.secret = self._place.secret
        return made

    @property
    def repeated(self) -> int:
        """Requests that had to be sent again."""
        return sum(often for what, often in self.book.seen.items() if what[:3].isdigit() or what == "no answer")
