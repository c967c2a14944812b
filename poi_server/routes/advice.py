"""What to say to the customer at the counter."""

from poi_engine.suggestions.advice import Advised
from poi_server.http import COUNTER, Call, Routes
from poi_server.routes.counter import own_session
from poi_server.sight import must_see_history, note, session_of, shown_to

routes = Routes("counter")


@routes.get(
    "/v1/sessions/{session_id}/suggestions",
    roles=COUNTER,
    right="see_history",
    summary="What to suggest to the customer who stands there, and why",
)
async def suggestions(call: Call, session_id: str) -> Advised:
    """To whoever may see the customer's history; who looked is audited, once an hour and session."""
    session = await own_session(call, session_id)
    if session.identity is not None:
        must_see_history(call, await session_of(call, session_id), session.identity.customer_id)
        await note(call, "view-customer", session.identity.customer_id, session_id)
    return await call.engine.advisor.of(shown_to(call, session))
