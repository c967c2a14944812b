from collections.abc import Sequence

class Effects:
    def __init__(self, words: Sequence[int]) -> None: ...
    @property
    def count(self) -> int: ...

class Solver:
    def __init__(
        self,
        lines: list[tuple[Sequence[int], int, int, int, int]],
        programs: list[Effects],
        terms: list[tuple[int, bool, int, int, int, int, int]],
        policy: int,
        node_bound: int,
        points_balance: int,
        points: int,
        points_amount: int,
        point_value: int,
        earns: bool,
    ) -> None: ...
    @property
    def valued(self) -> int: ...
    @property
    def giving(self) -> int: ...
    def choose(self) -> tuple[int, bool, int]: ...
    def evaluate(
        self, mask: int
    ) -> tuple[
        list[int], dict[tuple[int, int], int], dict[int, int], list[tuple[int, int, bool, int, int]], int, int
    ]: ...
