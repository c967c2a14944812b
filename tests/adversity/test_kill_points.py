"""kill -9 at every named point of the payment path: after a restart nothing is lost, nothing doubled, by any book.

Each case is a real process that SIGKILLs itself at the point, then a second one that recovers, repeats the till's
requests with their keys, and compares SQL with the terminal's own book.
"""

import json
import os
import random
import re
from pathlib import Path

import pytest

from tests.adversity.conftest import ROOT, Forker

pytestmark = pytest.mark.valkey

SIGKILL = 9
ACCEPT = (
    "accept.begin accept.frozen accept.job accept.alone accept.inserted accept.proved accept.funded accept.orders "
    "accept.held accept.reserved accept.shown"
)
BEGIN = "pay.start pay.begin-job pay.promised pay.claimed pay.written"
COMMIT = "commit.job commit.claimed commit.entered commit.sale commit.orders commit.recorded"
REFUND = "refund.job refund.locked refund.written refund.opened refund.before-terminal"
POINTS: dict[str, str] = {
    "card": f"{ACCEPT} {BEGIN} pay.begun pay.before-terminal terminal.asked terminal.authorised pay.answered "
    f"approve.before-sql approve.job approve.told {COMMIT} approve.answered approve.committed settle.shown "
    "sql.job-start@2 sql.before-commit@1 sql.after-commit@1 sql.before-commit@2 sql.after-commit@2 "
    "sql.before-commit@3 sql.after-commit@3",
    "cash": "pay.written approve.job commit.entered approve.answered sql.before-commit@2 sql.after-commit@2 "
    "pay.committed",
    "whole": "pay.start accept.frozen pay.begin-job pay.promised accept.job accept.inserted accept.held pay.claimed "
    "pay.written pay.begun accept.shown pay.before-terminal terminal.authorised pay.answered approve.told "
    "approve.answered approve.committed settle.shown sql.before-commit@2 sql.after-commit@2 sql.before-commit@3",
    "whole_cash": "pay.promised accept.held pay.written approve.job commit.recorded approve.answered accept.shown "
    "pay.committed sql.before-commit@2 sql.after-commit@2",
    "declined": "terminal.authorised pay.answered decline.before-sql decline.job void.job void.marked void.let-go "
    "void.done decline.told decline.answered decline.committed",
    "doubt": "terminal.authorised doubt.before-sql doubt.job doubt.told doubt.committed status.before-terminal "
    "status.answered approve.job commit.entered approve.committed",
    "abandon": "accept.reserved accept.shown void.job void.marked void.done sql.before-commit@2 sql.after-commit@2",
    "forgotten": "sweep.checkout void.job void.let-go void.done sweep.let-go",
    "refund": f"{REFUND} terminal.refund-asked terminal.refunded refund.terminal-answered refund.commit-job "
    "refund.claimed refund.told refund.entered refund.journal refund.sale refund.recorded refund.orders "
    "refund.answered refund.committed sql.before-commit@1 sql.after-commit@1 sql.before-commit@2 sql.after-commit@2",
    "refund_declined": "refund.terminal-answered refund.decline-job refund.declined",
    "refund_doubt": "terminal.refunded refund.doubt-job refund.doubted refund.again-job",
    "order": "order.placed order.moved accept.orders accept.held commit.entered commit.orders approve.committed "
    "refund.entered refund.orders refund.committed sql.before-commit@1 sql.after-commit@1 sql.before-commit@2 "
    "sql.after-commit@2 sql.before-commit@3 sql.after-commit@3 sql.before-commit@5 sql.after-commit@5",
    "order_given_up": "order.placed accept.orders accept.held void.marked void.let-go void.done order.expired",
    "late": "word.said decline.job decline.answered word.committed terminal.cancelled bar.job bar.done "
    "reverse.before-sql reverse.job reverse.marked "
    "reverse.committed undo.before-terminal undo.answered undo.job undo.done undo.committed",
    "put_right": "word.said@2 word.committed@2 sql.before-commit@2 sql.after-commit@2 sql.before-commit@3",
    "split": "part.held part.claimed part.taken pay.committed pay.begun terminal.authorised pay.answered "
    "part.claimed@2 part.taken@2 approve.committed commit.claimed commit.entered approve.answered sql.before-commit@2 "
    "sql.after-commit@2 sql.before-commit@3 sql.after-commit@3 sql.before-commit@4 sql.after-commit@4 "
    "sql.before-commit@5 sql.after-commit@5",
    "split_declined": "part.taken terminal.authorised decline.job decline.told decline.answered decline.committed",
    "split_given_up": "part.taken@2 give-up.job void.marked void.let-go give-up.done give-up.committed "
    "undo.before-terminal terminal.cancel-asked terminal.cancelled undo.answered undo.done undo.committed",
    "held": "hold.written terminal.authorised pay.written terminal.capture-asked terminal.captured approve.committed",
    "hold_given_up": "hold.answered hold.releasing terminal.cancelled hold.let-go",
    "split_refund": "refund.written terminal.refund-asked terminal.refunded refund.told refund.part refund.next "
    "terminal.refund-asked@2 terminal.refunded@2 refund.told@2 refund.entered refund.answered refund.committed "
    "sql.before-commit@1 sql.after-commit@1 sql.before-commit@2 sql.after-commit@2 sql.before-commit@3",
    "bank_away": "pay.before-terminal risk.written terminal.taken risk.taken approve.told approve.committed "
    "forward.begun terminal.forwarded forward.answered forward.told sql.before-commit@3 sql.after-commit@3 "
    "sql.before-commit@5 sql.after-commit@5 sql.before-commit@6 sql.after-commit@6",
    "bank_away_declined": "forward.begun terminal.forwarded forward.answered sql.before-commit@6 sql.after-commit@6",
    "handed_over": "handover.moved handover.job handover.brought handover.written handover.noted handover.committed "
    "pay.begun terminal.authorised approve.committed sql.before-commit@1 sql.after-commit@1 sql.before-commit@2",
    "handed_over_too_late": "pay.begun terminal.asked handover.moved handover.job handover.stays handover.back "
    "terminal.authorised approve.committed",
}
RECOVERY = (
    "recover.payment status.before-terminal status.answered approve.job commit.entered approve.committed "
    "recover.resolved"
)
NEVER_SENT = "recover.payment status.before-terminal terminal.cancel-asked terminal.cancelled status.answered void.done"
EXPECTED: dict[str, list[int]] = {
    "card": [1800],
    "cash": [1800],
    "whole": [1800],
    "whole_cash": [1800],
    "declined": [2205],
    "doubt": [2313],
    "abandon": [],
    "forgotten": [1800],
    "refund": [1800, -1800],
    "refund_declined": [3150, -945],
    "refund_doubt": [3330, -2313],
    "order": [1800, -1800],
    "order_given_up": [],
    "late": [2313],
    "put_right": [2214],
    "split": [1800],
    "split_declined": [1800],
    "split_given_up": [],
    "split_refund": [1800, -1800],
    "held": [1800],
    "hold_given_up": [],
    "bank_away": [1800],
    "bank_away_declined": [2205],
    "handed_over": [1800],
    "handed_over_too_late": [1800],
}
CASES = [(scenario, point) for scenario, points in POINTS.items() for point in points.split()]


def _killed(forker: Forker, folder: Path, scenario: str, point: str) -> None:
    ended = forker.order(folder, scenario, point)
    assert not ended["wrong"], ended["wrong"]
    assert ended["signal"] == SIGKILL, f"{scenario} never comes to {point}"


def _recovers(forker: Forker, folder: Path, scenario: str) -> None:
    ended = forker.order(folder, scenario, audit=True, expected=EXPECTED[scenario])
    assert ended == {"signal": 0, "wrong": ""}, ended["wrong"]


@pytest.mark.parametrize(("scenario", "point"), CASES)
def test_killed_at(scenario: str, point: str, forker: Forker, folder: Path) -> None:
    _killed(forker, folder, scenario, point)
    _recovers(forker, folder, scenario)


@pytest.mark.parametrize("point", RECOVERY.split())
def test_killed_while_recovering_an_approved_payment(point: str, forker: Forker, folder: Path) -> None:
    _killed(forker, folder, "card", "pay.answered")
    _remember(folder, recovering=True)
    _killed(forker, folder, "", point)
    _remember(folder, recovering=False)
    _recovers(forker, folder, "card")


@pytest.mark.parametrize("point", NEVER_SENT.split())
def test_killed_while_recovering_a_payment_that_was_never_sent(point: str, forker: Forker, folder: Path) -> None:
    _killed(forker, folder, "card", "pay.before-terminal")
    _remember(folder, recovering=True)
    _killed(forker, folder, "", point)
    _remember(folder, recovering=False)
    _recovers(forker, folder, "card")


@pytest.mark.parametrize("scenario", EXPECTED)
def test_unharmed_the_story_ends_the_same(scenario: str, forker: Forker, folder: Path) -> None:
    _recovers(forker, folder, scenario)


def test_every_named_point_is_in_the_list() -> None:
    engine = ROOT / "engine" / "poi_engine"
    named = {name for file in engine.rglob("*.py") for name in re.findall(r"trace\(\"([\w.-]+)\"\)", file.read_text())}
    named = {name for name in named if not name.startswith("snapshot.")}  # killed in tests/engine/test_snapshot.py
    storage = {name for name in named if "." not in name}
    listed = {point.partition("@")[0] for _, point in CASES} | set(RECOVERY.split()) | set(NEVER_SENT.split())
    assert {f"sql.{name}" for name in storage} <= listed
    assert named - storage - listed == set()
    assert len(listed) >= 50


def test_random_kills_under_load(forker: Forker, folder: Path) -> None:
    rounds = 300 if os.environ.get("POI_SOAK") else 4
    dice = random.Random(20_261_122)
    for _ in range(rounds):
        ended = forker.order(folder, "crowd", kill_after=dice.uniform(0.3, 1.2))
        assert ended == {"signal": SIGKILL, "wrong": ""}, ended["wrong"]
    ended = forker.order(folder, audit=True)
    assert ended == {"signal": 0, "wrong": ""}, ended["wrong"]


def _remember(folder: Path, **values: object) -> None:
    """Change what the till knows, from outside."""
    file = folder / "till.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))
