"""What an acceptance asks of the session that is shown, and makes of it. Pure."""

from poi_engine.errors import Conflict
from poi_engine.session import Session, SessionState, move

_S = SessionState


def total_of(session: Session) -> int | None:
    """What the decision shown costs, minor units."""
    return session.decision.total if session.decision else None


def must_be_shown(session: Session, decision_id: str, total: int) -> None:
    """Refuse an acceptance of anything but the decision shown and its total, minor units."""
    if session.state not in (_S.DECIDED, _S.DECLINED):
        raise Conflict("illegal-move", f"A session that is {session.state} has no decision to accept.")
    if session.decision_id != decision_id or total_of(session) != total:
        raise changed()


def changed() -> Conflict:
    """Refuses what was meant for another decision than the one shown by now."""
    return Conflict("decision-changed", "Another decision is shown by now; ask the customer again.")


def accepted_session(session: Session, checkout_id: str) -> Session:
    """The session once what it shows is accepted: all of it is due."""
    shown = session if session.state is _S.DECIDED else move(session, _S.DECIDED)
    return move(shown, _S.PAYING, checkout_id=checkout_id, notice=None, tenders=(), due=total_of(session) or 0)
