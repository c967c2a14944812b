"""From the books to a back-test: `poi-server baskets` writes what was sold, `decide` tries a draft on it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from poi_server.cli import main
from tests.server.replayed import Desk, offer
from tests.server.shop import Shop
from tests.server.test_cli import run

pytestmark = pytest.mark.valkey


@pytest.fixture
def desk(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Desk:
    """A desk beside the shop's data folder."""
    (tmp_path / "desk").mkdir()
    return Desk(tmp_path / "desk", capfd)


async def sell(shop: Shop, amount: int) -> dict[str, Any]:
    """A sale in cash over the API; the session that was paid."""
    path = f"/v1/stations/{shop.station_id}/session"
    path = f"/v1/sessions/{(await shop.ask('POST', path)).json['session_id']}"
    shown = (await shop.ask("PUT", f"{path}/basket", {"entries": [{"label": "Cake", "amount": amount}]})).json
    accepted = {"decision_id": shown["decision_id"], "total": shown["decision"]["total"]}
    assert (await shop.ask("POST", f"{path}/accept", accepted)).status == 200
    paid = await shop.ask("POST", f"{path}/pay", {"means": "cash"}, headers={"Idempotency-Key": path})
    return dict(paid.json)


async def test_what_was_sold_is_decided_with_a_draft(desk: Desk, shop: Shop, tmp_path: Path) -> None:
    today = offer("off_today", 100)
    assert (await shop.ask("POST", "/v1/offers", today)).status == 201
    sold = [await sell(shop, amount) for amount in (1000, 2000, 3000)]
    draft = [today, offer("off_draft", 500, conditions={"type": "subtotal", "min": 2000})]

    def try_out() -> None:
        written = run("baskets", folder=tmp_path)
        assert (written.returncode, written.stderr) == (0, "3 baskets\n")
        asked = written.stdout.encode()
        assert [one.saved for one in desk.decided([today], asked)] == [one["decision"]["saved"] for one in sold]
        assert [one.saved for one in desk.decided(draft, asked)] == [100, 600, 600]

    await asyncio.to_thread(try_out)


def test_days_that_are_none_and_books_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for day, told in (
        ("tomorrow", "give a day such as 2026-11-22, not 'tomorrow'"),
        ("0001-01-01", "the year is 1971 to"),
    ):
        with pytest.raises(SystemExit):
            main(["baskets", "--first", day])
        assert told in capsys.readouterr().err
    assert main(["baskets", "--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"poi-server: There are no books at {tmp_path / 'poi.db'}.\n"
