"""What customers agree to, whom they bring along, how long they are kept; the phone's own side of it too."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import asdict

from poi_engine.clientele.consents import ConsentState, ConsentText, Purpose
from poi_engine.clientele.referral import ReferralView
from poi_engine.clientele.retention import RetentionReport
from poi_engine.settings import ReferralProgramme, Retention
from poi_qr.present import qr_svg
from poi_server.http import COUNTER, EVERYONE, MANAGER, PHONE, READER, Call, Routes
from poi_server.routes.customers import proof_of

routes = Routes("clientele")

Words = Annotated[str, Meta(min_length=1, max_length=2000)]


class Consents(Struct, frozen=True, kw_only=True):
    """Every purpose as it stands."""

    items: tuple[ConsentState, ...]


class ConsentTexts(Struct, frozen=True, kw_only=True):
    """The texts to show now."""

    items: tuple[ConsentText, ...]


class NewText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What customers are asked from now on, by language."""

    text: Annotated[dict[Literal["fr", "en"], Words], Meta(min_length=1)]


class Word(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The customer's word, and the version of the text they were shown."""

    given: bool
    version: Annotated[int, Meta(ge=1)]


class WordTaken(Word, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The customer's word as somebody of the staff took it."""

    how: Literal["spoken", "signed"] = "spoken"


class FriendsCode(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code a friend gave."""

    code: Annotated[str, Meta(min_length=4, max_length=32)]


class Round(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`dry_run`: only say whom it concerns."""

    dry_run: bool = True


# --- consents ------------------------------------------------------------------------------------------------------


@routes.get("/v1/consent-texts", roles=EVERYONE - {"partner"}, summary="The texts that customers agree to")
async def consent_texts(call: Call) -> ConsentTexts:
    return ConsentTexts(items=await call.engine.clientele.consents.texts(call.merchant_id))


@routes.put("/v1/consent-texts/{purpose}", roles=MANAGER, right="customers", summary="A new version of a text")
async def write_consent_text(call: Call, purpose: Purpose, body: NewText) -> ConsentText:
    """Words given to older versions stand, as proof of those."""
    text = {str(language): words for language, words in body.text.items()}
    return await call.engine.clientele.consents.write_text(call.merchant_id, purpose, text, by=call.by)


@routes.get(
    "/v1/customers/{customer_id}/consents", roles=COUNTER, right="customers", summary="What the customer agreed to"
)
async def customer_consents(call: Call, customer_id: str) -> Consents:
    return Consents(items=await call.engine.clientele.consents.of(call.merchant_id, customer_id))


@routes.put(
    "/v1/customers/{customer_id}/consents/{purpose}",
    roles=COUNTER,
    right="customers",
    summary="Take the customer's word: who took it, where and on which text is kept",
)
async def take_consent(call: Call, customer_id: str, purpose: Purpose, body: WordTaken) -> Consents:
    proof = proof_of(call, body.version, body.how)
    given = await call.engine.clientele.consents.give(call.merchant_id, customer_id, purpose, body.given, proof)
    return Consents(items=given)


@routes.get("/v1/me/consents", roles=PHONE, summary="What I agreed to")
async def my_consents(call: Call) -> Consents:
    return Consents(items=await call.engine.clientele.consents.of(call.merchant_id, call.principal.subject_id))


@routes.put("/v1/me/consents/{purpose}", roles=PHONE, summary="Agree, or take it back")
async def give_my_consent(call: Call, purpose: Purpose, body: Word) -> Consents:
    proof, customer_id = proof_of(call, body.version, "phone"), call.principal.subject_id
    given = await call.engine.clientele.consents.give(call.merchant_id, customer_id, purpose, body.given, proof)
    return Consents(items=given)


@routes.get("/v1/me/export", roles=PHONE, summary="Everything this shop keeps of me")
async def my_export(call: Call) -> dict[str, Any]:
    return await call.engine.clientele.exports.of(call.merchant_id, call.principal.subject_id, by=call.principal)


# --- friends -------------------------------------------------------------------------------------------------------


class MyReferral(ReferralView, frozen=True, kw_only=True):
    """The same with the link that a friend joins by, and its picture; both empty while there is no programme."""

    url: str
    qr_svg: str


@routes.get("/v1/me/referral", roles=PHONE, summary="My code and link for friends, and what they brought")
async def my_referral(call: Call) -> MyReferral:
    mine = await call.engine.clientele.referrals.of(call.merchant_id, call.principal.subject_id)
    url = f"{call.base_url}/join#{call.merchant_id}.{mine.code}" if mine.code else ""
    return MyReferral(**asdict(mine), url=url, qr_svg=qr_svg(url, error="m") if url else "")


@routes.post("/v1/me/referral", roles=PHONE, summary="A friend sent me: their code, before my first purchase")
async def referred_by(call: Call, body: FriendsCode) -> None:
    await _give_code(call, call.principal.subject_id, body.code)


@routes.get(
    "/v1/customers/{customer_id}/referral", roles=COUNTER, right="customers", summary="The customer's code for friends"
)
async def customer_referral(call: Call, customer_id: str) -> ReferralView:
    return await call.engine.clientele.referrals.of(call.merchant_id, customer_id)


@routes.post(
    "/v1/customers/{customer_id}/referral",
    roles=COUNTER,
    right="customers",
    summary="A friend sent this customer: the friend's code, before the first purchase",
)
async def customer_referred_by(call: Call, customer_id: str, body: FriendsCode) -> None:
    await _give_code(call, customer_id, body.code)


@routes.get("/v1/programme/referral", roles=READER, summary="What friends get")
async def referral_programme(call: Call) -> ReferralProgramme:
    return await call.engine.clientele.referrals.programme(call.merchant_id)


@routes.put("/v1/programme/referral", roles=MANAGER, right="campaigns", summary="Change what friends get")
async def change_referral_programme(call: Call, body: ReferralProgramme) -> ReferralProgramme:
    """Each offer has the condition that the customer is in the segment `coupon:<its own id>`."""
    return await call.engine.clientele.referrals.change(call.merchant_id, body, by=call.by)


async def _give_code(call: Call, customer_id: str, code: str) -> None:
    """Guessing codes is slowed down like guessing secrets."""
    call.services.attempts.check(f"referral {call.principal.access_id}")
    try:
        await call.engine.clientele.referrals.give(call.merchant_id, customer_id, code, by=call.by)
    except Exception:
        call.services.attempts.failed(f"referral {call.principal.access_id}")
        raise


# --- how long people are kept --------------------------------------------------------------------------------------


@routes.get("/v1/programme/retention", roles=READER, summary="How long customers are kept")
async def retention_rule(call: Call) -> Retention:
    return await call.engine.clientele.retention.settings(call.merchant_id)


@routes.put("/v1/programme/retention", roles=MANAGER, right="customers", summary="Change how long customers are kept")
async def change_retention(call: Call, body: Retention) -> Retention:
    return await call.engine.clientele.retention.change(call.merchant_id, body, by=call.by)


@routes.post(
    "/v1/retention", roles=MANAGER, right="customers", summary="Carry the rule out now, or say whom it concerns"
)
async def run_retention(call: Call, body: Round) -> RetentionReport:
    """The server does it once a day by itself."""
    report = await call.engine.clientele.retention.run(call.merchant_id, dry_run=body.dry_run, who=call.by.who)
    if not body.dry_run:
        for one in report.items:
            call.services.access.forget_subject(call.merchant_id, "phone", one.customer_id)
    return report
