"""What happened, in order: every statement, session, terminal operation and fault is a step of it."""

import hashlib


class History:
    """A hash over all steps: one seed, one history."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.steps = 0

    def note(self, *what: object) -> None:
        """One more step."""
        self.steps += 1
        self._hash.update(repr(what).encode())

    @property
    def digest(self) -> str:
        """The whole of it."""
        return self._hash.hexdigest()
