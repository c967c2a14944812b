"""The usual stack's server: the four requests of a sale and one for all, each as a tutorial of its parts would do it.

    POI_USUAL_SQL=postgresql://... POI_USUAL_REDIS=unix://... uvicorn bench.usual_stack.app:app

The session is JSON in Redis. `accept` is one transaction (checkout, payment to be sent, points held), `pay` another one
(sale, lines, offers' uses, ledger, journal chain, outbox, customer, idempotency); between them the terminal answers at
once, in the process. Statements are prepared and cached by asyncpg; rows of one kind are inserted by `executemany`.
"""

import json
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncpg
import redis.asyncio
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel

from bench.usual_stack.sale import Sale, choose, commit, reserve

TIME_TO_LIVE = 12 * 3600
SECRET = os.environ.get("POI_USUAL_SECRET", "secret")


class Scan(BaseModel):
    """A loyalty card's text."""

    text: str


class Entry(BaseModel):
    """A line by product code."""

    code: str
    quantity: int = 1000


class Basket(BaseModel):
    """The whole basket."""

    entries: list[Entry]


class Accept(BaseModel):
    """What the customer accepts."""

    decision_id: str
    total: int


class Pay(BaseModel):
    """By what."""

    means: str


@asynccontextmanager
async def _opened(app: FastAPI) -> AsyncIterator[None]:
    app.state.sql = await asyncpg.create_pool(os.environ["POI_USUAL_SQL"], min_size=4, max_size=16)
    app.state.redis = redis.asyncio.from_url(os.environ["POI_USUAL_REDIS"], max_connections=200)
    yield
    await app.state.redis.aclose()
    await app.state.sql.close()


async def _allowed(authorization: Annotated[str, Header()]) -> None:
    if authorization != f"Bearer {SECRET}":
        raise HTTPException(401)


app = FastAPI(lifespan=_opened, dependencies=[Depends(_allowed)])


async def _load(session_id: str) -> dict[str, Any]:
    stored = await app.state.redis.get(f"session:{session_id}")
    if stored is None:
        raise HTTPException(404)
    session: dict[str, Any] = json.loads(stored)
    return session


async def _save(session: dict[str, Any]) -> None:
    await app.state.redis.set(f"session:{session['session_id']}", json.dumps(session), ex=TIME_TO_LIVE)


@app.post("/v1/stations/{station_id}/scan")
async def scan(station_id: str, body: Scan) -> dict[str, Any]:
    """Who is it: a new session of a customer."""
    async with app.state.sql.acquire() as sql:
        person = await sql.fetchrow(
            "select c.customer_id, c.name, c.tier, c.points, c.visits, c.spend from credential k join customer c "
            "using (customer_id) where k.subject = $1",
            body.text,
        )
    if person is None:
        raise HTTPException(404)
    session: dict[str, Any] = {"session_id": f"ses_{uuid.uuid4().hex}", "station_id": station_id}
    session |= {"state": "identified", "customer": dict(person), "lines": []}
    await _save(session)
    await app.state.redis.set(f"station:{station_id}", session["session_id"], ex=TIME_TO_LIVE)
    return {"seen": True, "session": session}


@app.put("/v1/sessions/{session_id}/basket")
async def basket(session_id: str, body: Basket) -> dict[str, Any]:
    """What it costs: every live offer is looked at."""
    session = await _load(session_id)
    async with app.state.sql.acquire() as sql:
        codes = [entry.code for entry in body.entries]
        rows = await sql.fetch("select * from product where code = any($1::text[])", codes)
        offers = await sql.fetch("select * from offer")
        person = await sql.fetchrow(
            "select tier, points, visits, (select count(*) from sale where customer_id = c.customer_id "
            "and created_at > now() - interval '30 days') as recent from customer c where customer_id = $1",
            session["customer"]["customer_id"],
        )
    products = {row["code"]: dict(row) for row in rows}
    session["customer"] |= dict(person)
    session["lines"] = [products[entry.code] | {"quantity": entry.quantity} for entry in body.entries]
    session |= choose(session["lines"], [dict(offer) for offer in offers], session["customer"])
    session |= {"state": "decided", "decision_id": f"dec_{uuid.uuid4().hex}"}
    await _save(session)
    return session


@app.post("/v1/sessions/{session_id}/accept")
async def accept(session_id: str, body: Accept) -> dict[str, Any]:
    """Freeze it and hold what it needs."""
    session = await _load(session_id)
    if session["decision_id"] != body.decision_id or session["decision"]["total"] != body.total:
        raise HTTPException(409)
    session |= {"checkout_id": f"chk_{uuid.uuid4().hex}", "payment_id": f"pay_{uuid.uuid4().hex}"}
    session["state"] = "paying"
    async with app.state.sql.acquire() as sql, sql.transaction():
        await reserve(sql, session)
    await _save(session)
    return session


@app.post("/v1/sessions/{session_id}/pay")
async def pay(session_id: str, body: Pay, idempotency_key: Annotated[str, Header()]) -> dict[str, Any]:
    """The terminal answers; the sale is made."""
    session = await _load(session_id)
    async with app.state.sql.acquire() as sql, sql.transaction():
        known = await sql.fetchval(
            "insert into idempotency (key) values ($1) on conflict (key) do nothing returning key", idempotency_key
        )
        if known is None:
            answer = await sql.fetchval("select answer from idempotency where key = $1", idempotency_key)
            return dict(json.loads(answer))
        sale = Sale(f"sal_{uuid.uuid4().hex}", session, "000001", body.means)
        session |= {"state": "paid", "sale_id": sale.sale_id}
        await commit(sql, sale)
        await sql.execute("update idempotency set answer = $2 where key = $1", idempotency_key, json.dumps(session))
    await _save(session)
    await app.state.redis.publish("sales", json.dumps({"sale_id": sale.sale_id}))
    return session


class WholeSale(Basket):
    """All of it in one request."""

    credential: str
    accept_up_to: int
    means: str


@app.post("/v1/stations/{station_id}/sale")
async def sale(station_id: str, body: WholeSale, idempotency_key: Annotated[str, Header()]) -> dict[str, Any]:
    """The four steps one after the other."""
    seen = await scan(station_id, Scan(text=body.credential))
    decided = await basket(seen["session"]["session_id"], Basket(entries=body.entries))
    total = decided["decision"]["total"]
    if total > body.accept_up_to:
        raise HTTPException(409)
    await accept(decided["session_id"], Accept(decision_id=decided["decision_id"], total=total))
    return await pay(decided["session_id"], Pay(means=body.means), idempotency_key)
