"""Login, logout, diagnosis, and switching services on."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from poi_server.nexo.wire.common import Many, Name, Response
from poi_server.nexo.wire.names import Wire


class SaleSoftware(Wire, frozen=True):
    """The till's program."""

    application_name: Annotated[str, Meta(max_length=200)] = ""
    software_version: Annotated[str, Meta(max_length=200)] = ""
    manufacturer_id: Annotated[str, Meta(max_length=200)] = ""


class LoginRequest(Wire, frozen=True):
    """A till begins to work."""

    sale_software: SaleSoftware = SaleSoftware()
    operator_language: Name | None = None
    operator_id: Name | None = None
    shift_number: Name | None = None
    training_mode_flag: bool = False


class POISoftware(Wire, frozen=True):
    """Our program."""

    manufacturer_id: str
    application_name: str
    software_version: str
    certification_code: str


class POIStatus(Wire, frozen=True):
    """What works at the counter."""

    global_status: Literal["OK", "Busy", "Maintenance", "Unreachable"]
    communication_ok_flag: bool | None = None


class POITerminalData(Wire, frozen=True):
    """What stands at the counter."""

    poi_capabilities: tuple[str, ...]
    poi_serial_number: str
    terminal_environment: str


class POISystemData(Wire, frozen=True):
    """Who answers."""

    poi_software: POISoftware
    date_time: str
    poi_status: POIStatus
    poi_terminal_data: POITerminalData


class LoginResponse(Wire, frozen=True):
    """The till is logged in."""

    response: Response
    poi_system_data: POISystemData | None = None


class LogoutRequest(Wire, frozen=True):
    """A till ends its work."""

    maintenance_allowed: bool = False


class OnlyResponse(Wire, frozen=True):
    """An answer that says how it went, and no more."""

    response: Response


class DiagnosisRequest(Wire, frozen=True):
    """What works?"""

    host_diagnosis_flag: bool = False
    poiid: Name | None = None
    acquirer_id: Annotated[tuple[str, ...], Many] = ()


class HostStatus(Wire, frozen=True):
    """Whether a bank's host, or what drives the terminal, is there."""

    acquirer_id: str
    is_reachable_flag: bool


class DiagnosisResponse(Wire, frozen=True):
    """What works, and which tills are logged in."""

    response: Response
    poi_status: POIStatus
    host_status: tuple[HostStatus, ...] | None = None
    logged_sale_id: tuple[str, ...] | None = None


class AdminRequest(Wire, frozen=True):
    """A request of the maker's own."""

    service_identification: Any = None


class EventNotification(Wire, frozen=True):
    """Something happened at the counter."""

    time_stamp: str
    event_to_notify: str
    event_details: str | None = None
    rejected_message: str | None = None
