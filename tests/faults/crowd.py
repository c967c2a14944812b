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

    def serve(self, stop: asyncio.Event) -> "asyncio.Future[list[None]]":
        """They serve until `stop`, and end when each has brought its visit to an end."""
        self._round += 1
        return asyncio.gather(*(till.serve_until(stop) for till in self._tills()))

    def _tills(self) -> list[Till]:
        place, made = self._place, []
        for number in range(TILLS):
            name, card = f"{self._round}-{number}", place.cards[number]
            home, beside = place.stations[2 * number : 2 * number + 2]
            till = Till(name, self._base_url, home, beside, card, self.book, f"{self._seed} {name}")
            till.secret = place.secret
            made.append(till)
        return made

    @property
    def repeated(self) -> int:
        """Requests that had to be sent again."""
        return sum(often for what, often in self.book.seen.items() if what[:3].isdigit() or what == "no answer")
