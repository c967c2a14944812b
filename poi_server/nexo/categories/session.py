"""Login, logout, diagnosis; and administration, which is refused."""

from __future__ import annotations

from importlib.metadata import version

from poi_engine.checkout.records import insert_audit
from poi_engine.errors import NotFound
from poi_engine.pan import refuse_pan
from poi_engine.ports import Job, Query
from poi_engine.session import SessionState
from poi_server.nexo.conditions import SUCCESS, Failed
from poi_server.nexo.messages import log_in, log_out, logins
from poi_server.nexo.turn import Category, Turn
from poi_server.nexo.wire.names import Wire
from poi_server.nexo.wire.session import (
    AdminRequest,
    DiagnosisRequest,
    DiagnosisResponse,
    HostStatus,
    LoginRequest,
    LoginResponse,
    LogoutRequest,
    OnlyResponse,
    POISoftware,
    POIStatus,
    POISystemData,
    POITerminalData,
)

_VERSION = version("poi-server")
_BUSY = frozenset({SessionState.PAYING, SessionState.UNKNOWN})
_CAPABILITIES = ("CashierDisplay", "CashierInput", "CustomerDisplay", "CustomerInput", "PrinterReceipt")


async def login(turn: Turn, request: LoginRequest) -> Wire:
    """The till is logged in, also across a restart."""
    software = request.sale_software
    named = f"{software.application_name} {software.software_version}".strip()
    operator, shift, at = request.operator_id or "", request.shift_number or "", turn.at
    refuse_pan(f"{named}, {operator}, {shift}", "$.LoginRequest")
    merchant_id, header = turn.merchant_id, turn.header
    if request.training_mode_flag and not (await turn.engine.places.counter(merchant_id, turn.station_id)).training:
        raise Failed("NotAllowed", "This station sells for good: switch training on at the station.", "no-training")
    await turn.services.setup.station(merchant_id, turn.station_id)
    audit_id = turn.services.ids.new("aud")

    def job() -> Job[None]:
        yield from log_in(merchant_id, header, turn.station_id, operator, shift, named, at)
        yield _audited(turn, audit_id, "till-log-in", at)

    await turn.services.sql.write(job)
    system = POISystemData(
        poi_software=POISoftware(
            manufacturer_id="poi-server",
            application_name="poi-server",
            software_version=_VERSION,
            certification_code="none",
        ),
        date_time=turn.named("-").time_stamp,
        poi_status=await _status(turn),
        poi_terminal_data=POITerminalData(
            poi_capabilities=_CAPABILITIES, poi_serial_number=turn.station_id, terminal_environment="Attended"
        ),
    )
    return LoginResponse(response=SUCCESS, poi_system_data=system)


async def logout(turn: Turn, _: LogoutRequest) -> Wire:
    """The till is logged out."""
    merchant_id, header = turn.merchant_id, turn.header
    audit_id, at = turn.services.ids.new("aud"), turn.at

    def job() -> Job[bool]:
        gone = yield from log_out(merchant_id, header)
        if gone:
            yield _audited(turn, audit_id, "till-log-out", at)
        return gone

    if not await turn.services.sql.write(job) and (turn.kept is None or turn.kept.fresh):
        raise Failed("LoggedOut", "This till was not logged in.", "logged-out")
    return OnlyResponse(response=SUCCESS)


async def diagnose(turn: Turn, request: DiagnosisRequest) -> Wire:
    """What works at the counter, and who is logged in."""
    merchant_id = turn.merchant_id
    if request.poiid not in (None, turn.header.poiid):
        raise NotFound("POI", request.poiid or "")
    found = await turn.services.sql.read(lambda: logins(merchant_id, turn.header.poiid))
    connectors = turn.engine.wiring.connectors
    counter = await turn.engine.places.counter(merchant_id, turn.station_id)
    hosts = (HostStatus(acquirer_id=counter.connector, is_reachable_flag=counter.connector in connectors),)
    return DiagnosisResponse(
        response=SUCCESS,
        poi_status=await _status(turn),
        host_status=hosts if request.host_diagnosis_flag else None,
        logged_sale_id=tuple(one.sale_system for one in found),
    )


async def administer(_: Turn, request: AdminRequest) -> Wire:
    """Nothing of this server is administered by a till."""
    raise Failed("NotAllowed", "This POI is administered by its own pages and commands, not by a till.", "no-admin")


def _audited(turn: Turn, audit_id: str, act: str, at: int) -> Query:
    """Which till, at which POI, and who was signed in at the station."""
    till = f"{turn.header.sale_id} at {turn.header.poiid}"
    return insert_audit(turn.merchant_id, audit_id, turn.by.who, act, turn.station_id, till, at, turn.station_id)


async def _status(turn: Turn) -> POIStatus:
    session = await turn.engine.stations.current(turn.merchant_id, turn.station_id)
    busy = session is not None and session.state in _BUSY
    return POIStatus(global_status="Busy" if busy else "OK", communication_ok_flag=True)


CATEGORIES = {
    "Login": Category(LoginRequest, login, login=False),
    "Logout": Category(LogoutRequest, logout, right=None, kept=True, login=False),
    "Diagnosis": Category(DiagnosisRequest, diagnose, right=None, login=False),
    "Admin": Category(AdminRequest, administer, right=None, login=False),
}
