"""Session state and fan-out in Redis or Valkey.

A session is a hash of its revision and its MessagePack blob, kept for a time to live. A station's pointer names its
current session and whether that has ended, a customer's the open session that they were known in last. All keys carry
the merchant as hash tag, so that one script reaches them on a cluster. What cannot be read any more (another version
wrote it) counts as lost, which session state may be.
"""

import asyncio
import contextlib
import hashlib
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec
from redis.exceptions import NoScriptError, RedisError

from poi_engine.errors import StorageError
from poi_engine.session import MOVES, Session
from poi_engine.storage.redis_line import Line, line_to
from poi_engine.storage.redis_url import Client, connect, disconnect

T = TypeVar("T")
Do = Callable[..., Awaitable[Any]]
"""Sends one command and returns its answer."""
TIME_TO_LIVE = 12 * 3600
"""Seconds a session is remembered after its last change."""

_decoder = msgspec.msgpack.Decoder(Session)
_encoder = msgspec.msgpack.Encoder()

_SAVE = """
local session, station = KEYS[1], KEYS[2]
local expected, revision, blob, ttl, id, ended, prefix = unpack(ARGV)
local stored = redis.call('HGET', session, 'revision')
local pointer = redis.call('HMGET', station, 'session', 'ended')
if stored ~= (expected ~= '' and expected) then
  if stored == revision and redis.call('HGET', session, 'blob') == blob then return 1 end
  return 0
end
local left = redis.call('HGET', session, 'station')
local moved = left ~= station
if moved and pointer[1] and pointer[1] ~= id and pointer[2] == '0' then
  if redis.call('HGET', prefix .. pointer[1], 'station') == station then return 0 end
end
if moved and left and redis.call('HGET', left, 'session') == id then redis.call('DEL', left) end
redis.call('HSET', session, 'revision', revision, 'blob', blob, 'station', station)
redis.call('PEXPIRE', session, ttl)
if moved or pointer[1] == id then
  redis.call('HSET', station, 'session', id, 'ended', ended)
  redis.call('PEXPIRE', station, ttl)
end
if KEYS[3] then redis.call('SET', KEYS[3], id, 'PX', ttl) end
return 1
"""

_AT_STATION = """
local id = redis.call('HGET', KEYS[1], 'session')
if not id then return false end
local session = ARGV[1] .. id
if redis.call('HGET', session, 'station') ~= KEYS[1] then return false end
return redis.call('HGET', session, 'blob')
"""

_RELEASE = """
if redis.call('HGET', KEYS[1], 'session') == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""

_QUESTION = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'asked_by', ARGV[2], 'body', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""

_NOTED = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then return redis.call('DEL', KEYS[1]) end
if ARGV[3] == 'body' then redis.call('HSET', KEYS[1], 'body', ARGV[4]) return 1 end
return redis.call('HSETNX', KEYS[1], ARGV[3], ARGV[4])
"""


def pack(session: Session) -> bytes:
    """A session as the MessagePack that is stored."""
    return _encoder.encode(session)


def unpack(blob: bytes | None) -> Session | None:
    """A session from its MessagePack; None when there is none that this version can read."""
    if blob is None:
        return None
    try:
        return _decoder.decode(blob)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


class _Script:
    """A script that the server keeps: sent by its name, and whole where that is not known yet."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._name = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, do: Do, keys: Sequence[str], arguments: Sequence[str | bytes | int]) -> Any:
        """The script's answer."""
        try:
            return await do("EVALSHA", self._name, len(keys), *keys, *arguments)
        except NoScriptError:
            return await do("EVAL", self._text, len(keys), *keys, *arguments)


_SAVED, _FOUND, _RELEASED = _Script(_SAVE), _Script(_AT_STATION), _Script(_RELEASE)
_ASKED, _CHANGED = _Script(_QUESTION), _Script(_NOTED)


class RedisSessions:
    """The `Sessions` port. A station takes no second session, new or handed over, while its own has not ended.

    Commands go by `line` where there is one, else by the client, which is for subscribing in any case.
    """

    def __init__(self, client: Client, line: Line | None = None, *, time_to_live: float = TIME_TO_LIVE) -> None:
        self._client = client
        self._line = line
        self._do: Do = line.do if line is not None else client.execute_command
        self._milliseconds = int(time_to_live * 1000)
        self.fanout = Fanout(client, self._do)
        self.questions = Questions(self._do)

    async def load(self, merchant_id: str, session_id: str) -> Session | None:
        """The session, or None when it is forgotten."""
        return unpack(await _ask(self._do("HGET", _session_key(merchant_id, session_id), "blob")))

    async def at_station(self, merchant_id: str, station_id: str) -> Session | None:
        """The station's current session."""
        keys, arguments = [_station_key(merchant_id, station_id)], [_session_key(merchant_id, "")]
        return unpack(await _ask(_FOUND.run(self._do, keys, arguments)))

    async def of_customer(self, merchant_id: str, customer_id: str) -> Session | None:
        """The session that the customer was known in last, before it ended, if they still are."""
        identifier = await _ask(self._do("GET", _customer_key(merchant_id, customer_id)))
        session = await self.load(merchant_id, identifier.decode()) if identifier else None
        named = session and session.identity and session.identity.customer_id == customer_id
        return session if named else None

    async def save(self, session: Session, *, expected_revision: int | None) -> bool:
        """Store if the stored revision is the expected one (None: if absent); False when somebody was faster."""
        m, identifier = session.merchant_id, session.session_id
        keys = [_session_key(m, identifier), _station_key(m, session.station_id)]
        expected = "" if expected_revision is None else str(expected_revision)
        ended = int(not MOVES[session.state])
        if session.identity is not None and not ended:
            keys.append(_customer_key(m, session.identity.customer_id))
        blob = pack(session)
        arguments: list[str | bytes | int] = [
            expected,
            session.revision,
            blob,
            self._milliseconds,
            identifier,
            ended,
            _session_key(m, ""),
        ]
        return bool(await _ask(_SAVED.run(self._do, keys, arguments)))

    async def release(self, session: Session) -> None:
        """The station has no current session any more, if it was this one."""
        keys = [_station_key(session.merchant_id, session.station_id)]
        await _ask(_RELEASED.run(self._do, keys, [session.session_id]))

    async def first_use(self, key: str, seconds: int) -> bool:
        """True once per key and time span."""
        return bool(await _ask(self._do("SET", f"use:{key}", b"", "NX", "EX", seconds)))

    async def tell_sending(self, checkout_id: str, seconds: int) -> None:
        """This process still waits for the terminal's answer; good for so many seconds."""
        await _ask(self._do("SET", f"sending:{checkout_id}", b"", "EX", seconds))

    async def is_sending(self, checkout_id: str) -> bool:
        """Whether some process has said so lately."""
        return bool(await _ask(self._do("EXISTS", f"sending:{checkout_id}")))

    async def forget_everything(self) -> None:
        """Empty the database."""
        await _ask(self._do("FLUSHDB"))

    async def ping(self) -> None:
        """Raises `StorageError` when Redis does not answer."""
        await _ask(self._do("PING"))

    async def close(self) -> None:
        """Close the connections."""
        if self._line is not None:
            await self._line.close()
        await _ask(disconnect(self._client))


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question on a station's screens: who asks, what, whether a screen has it, and the answer."""

    question_id: str
    asked_by: str
    body: bytes
    seen: bool
    answer: bytes | None


class Questions:
    """What is asked on a station's screens: one question at a time, which every process sees and one answer ends."""

    def __init__(self, do: Do) -> None:
        self._do = do

    async def ask(
        self, merchant_id: str, station_id: str, question_id: str, asked_by: str, body: bytes, seconds: float
    ) -> bool:
        """Ask for at most so many seconds; False while another question is open there."""
        arguments: list[str | bytes | int] = [question_id, asked_by, body, int(seconds * 1000)]
        return bool(await _ask(_ASKED.run(self._do, [_question_key(merchant_id, station_id)], arguments)))

    async def read(self, merchant_id: str, station_id: str) -> Asked | None:
        """The open question."""
        fields = ("id", "asked_by", "body", "seen", "answer")
        found = await _ask(self._do("HMGET", _question_key(merchant_id, station_id), *fields))
        if found[0] is None:
            return None
        question_id, asked_by, body, seen, answer = found
        return Asked(
            question_id=question_id.decode(),
            asked_by=asked_by.decode(),
            body=body,
            seen=seen is not None,
            answer=answer,
        )

    async def see(self, merchant_id: str, station_id: str, question_id: str) -> bool:
        """A screen has it; True for the first."""
        return await self._note(merchant_id, station_id, "id", question_id, "seen", b"1")

    async def answer(self, merchant_id: str, station_id: str, question_id: str, answer: bytes) -> bool:
        """Answer it; False when it has an answer, or is over."""
        return await self._note(merchant_id, station_id, "id", question_id, "answer", answer)

    async def change(self, merchant_id: str, station_id: str, asked_by: str, body: bytes) -> bool:
        """Ask it otherwise; False when it is not theirs."""
        return await self._note(merchant_id, station_id, "asked_by", asked_by, "body", body)

    async def stop(self, merchant_id: str, station_id: str, asked_by: str, answer: bytes) -> bool:
        """Answer in the name of whoever asked."""
        return await self._note(merchant_id, station_id, "asked_by", asked_by, "answer", answer)

    async def over(self, merchant_id: str, station_id: str, question_id: str) -> bool:
        """It is asked no longer."""
        return await self._note(merchant_id, station_id, "id", question_id, "", b"")

    async def _note(self, merchant_id: str, station_id: str, by: str, whose: str, field: str, value: bytes) -> bool:
        keys = [_question_key(merchant_id, station_id)]
        return bool(await _ask(_CHANGED.run(self._do, keys, [by, whose, field, value])))


class Fanout:
    """Messages to every process that listens; none is kept, so a listener that was away must look anew."""

    def __init__(self, client: Client, do: Do, channel: str = "poi:screens") -> None:
        self._client = client
        self._do = do
        self._channel = channel

    async def publish(self, message: bytes) -> None:
        """Send to every process, this one included."""
        await _ask(self._do("PUBLISH", self._channel, message))

    async def listen(self, callback: Callable[[bytes], None], *, subscribed: Callable[[], None] = lambda: None) -> None:
        """Call `callback` with each message until cancelled; reconnects by itself.

        `subscribed` is called at the start and after every gap: messages may have been missed before it.
        """
        wait = 0.05
        while True:
            async with contextlib.AsyncExitStack() as stack:
                stack.enter_context(contextlib.suppress(RedisError, OSError, TimeoutError))
                channel = self._client.pubsub()
                stack.push_async_callback(self._leave, channel)
                await channel.subscribe(self._channel)
                async for message in channel.listen():
                    if message["type"] == "subscribe":
                        wait = 0.05
                        subscribed()
                    elif message["type"] == "message":
                        callback(message["data"])
            await asyncio.sleep(random.uniform(wait / 2, wait))
            wait = min(1.0, wait * 2)

    async def _leave(self, channel: Any) -> None:
        """Close a subscription; on a cluster it has connections of its own."""
        await channel.aclose()
        pool = channel.connection_pool
        if pool is not None and pool is not getattr(self._client, "connection_pool", None):
            await pool.disconnect()


def open_redis(url: str, *, time_to_live: float = TIME_TO_LIVE) -> RedisSessions:
    """Session state at `redis://`, `rediss://`, `unix://`, `redis+sentinel://` or `redis+cluster://`."""
    client = connect(url)
    return RedisSessions(client, line_to(url), time_to_live=time_to_live)


def _session_key(merchant_id: str, session_id: str) -> str:
    return f"{{{merchant_id}}}:ses:{session_id}"


def _station_key(merchant_id: str, station_id: str) -> str:
    return f"{{{merchant_id}}}:sta:{station_id}"


def _customer_key(merchant_id: str, customer_id: str) -> str:
    return f"{{{merchant_id}}}:cus:{customer_id}"


def _question_key(merchant_id: str, station_id: str) -> str:
    return f"{{{merchant_id}}}:ask:{station_id}"


async def _ask(answer: Awaitable[T] | Any) -> T | Any:
    """Await an answer; whatever goes wrong on the way is a `StorageError`."""
    try:
        return await answer
    except (RedisError, OSError, TimeoutError) as error:
        message = f"Redis does not answer: {str(error)[:200] or type(error).__name__}."
        raise StorageError("sessions-away", message) from None
