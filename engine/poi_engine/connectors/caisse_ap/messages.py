"""What is asked of a terminal, and what its answer says. A card number goes no further than this file. Pure."""

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from poi_engine.connectors.caisse_ap.fields import MalformedAnswer
from poi_offers.situation import PaymentFacts

Action = Literal["debit", "credit", "probe"]
Version = Literal["0300", "0301", "0320"]

_ACTIONS: dict[Action, str] = {"debit": "0", "credit": "1", "probe": "I"}
_NUMERIC = {"EUR": "978", "CHF": "756", "GBP": "826", "USD": "840", "XPF": "953"}
_SHOWN = 4  # letters of what a terminal says in the wrong place: it may be a card number
_DONE, _NOT_DONE, _TAKEN_IN = "10", "01", "11"
_REASONS = {
    "02": "the bank wants a telephone call",
    "03": "forced",
    "04": "refused",
    "05": "forbidden",
    "06": "abandoned",
    "07": "not completed",
    "08": "nothing was typed in time",
    "09": "the terminal did not understand the request",
    "10": "wrong choice",
    "11": "abandoned by the operator",
    "12": "the terminal does not know this action",
    "13": "currency not supported",
}
_SCHEMES = {  # the registered provider at the beginning of the application's identifier
    "A000000042": "cb",
    "A000000003": "visa",
    "A000000004": "mastercard",
    "A000000025": "amex",
    "A000000065": "jcb",
    "A000000152": "diners",
    "A000000333": "unionpay",
    "A000000620": "conecs",
}
_ENTRY_MODES: dict[str, Literal["chip", "contactless", "swipe", "manual"]] = {
    "1": "chip",
    "2": "contactless",
    "3": "swipe",
    "4": "manual",
}


_APPLICATIONS: dict[
    str, tuple[str | None, Literal["chip", "contactless"] | None]
] = {  # what terminals say that name no application identifier
    "001": ("cb", "chip"),
    "00B": ("cb", "contactless"),
    "002": ("amex", "chip"),
    "00D": ("amex", "contactless"),
    "006": ("diners", None),
    "009": ("jcb", None),
    "00U": ("unionpay", None),
    "00E": ("conecs", "chip"),
    "10E": ("conecs", "contactless"),
}


class Asked(Struct, frozen=True, kw_only=True):
    """One request. `amount` in minor units, none in a probe, which moves nothing; `till`: two digits; `protocol`: 3 to
    12 digits of the device's choice.
    """

    action: Action
    amount: int
    currency: str
    till: str
    version: Version = "0300"
    protocol: str = "012345678901"
    at_once: bool | None = None

    def fields(self) -> list[tuple[str, str]]:
        """The request's fields in the order in which terminals have seen them. Raises `ValueError`."""
        if self.action == "probe":
            return [*self._head(), ("CD", _ACTIONS[self.action])]
        if not 0 < self.amount < 10**12:
            raise ValueError(f"an amount has 1 to 12 digits, not {self.amount}")
        if self.currency not in _NUMERIC:
            raise ValueError(f"{self.currency} is none of {', '.join(sorted(_NUMERIC))}")
        return [
            *self._head(),
            ("CB", f"{self.amount:02d}"),
            ("CD", _ACTIONS[self.action]),
            ("CE", _NUMERIC[self.currency]),
            ("BA", "" if self.at_once is None else str(int(self.at_once))),
        ]

    def _head(self) -> list[tuple[str, str]]:
        return [("CZ", self.version), ("CJ", self.protocol), ("CA", self.till)]


class Answered(Struct, frozen=True, kw_only=True):
    """What the terminal said. `done` is None while it says that it has only taken the request in."""

    done: bool | None
    amount: int = 0
    reason: str = ""
    authorisation: str = ""
    facts: PaymentFacts = PaymentFacts()


def answered(asked: Asked, fields: Mapping[str, str]) -> Answered:
    """Read an answer. Raises `MalformedAnswer` when it has no result, or tells of another transaction as done."""
    result = fields.get("AE", "")
    if result == _TAKEN_IN:
        return Answered(done=None)
    if result == _NOT_DONE:
        return Answered(done=False, reason=_reason(fields.get("AF", "")))
    if result != _DONE:
        raise MalformedAnswer(0, f"its result AE is {result[:_SHOWN]!r}, none of 10, 01, 11")
    _same_transaction(asked, fields)
    return Answered(
        done=True,
        amount=int(fields["CB"]) if "CB" in fields else asked.amount,
        authorisation=fields.get("AC", "").strip(),
        facts=_facts(fields),
    )


def _same_transaction(asked: Asked, fields: Mapping[str, str]) -> None:
    """Terminals echo the request when they did it; a cancelled one may lack the amount, so only then it is compared."""
    sent = dict(asked.fields())
    for tag in ("CA", "CD", "CE"):
        if tag in fields and fields[tag] != sent.get(tag, fields[tag]):
            raise MalformedAnswer(0, f"its {tag} is {fields[tag][:_SHOWN]!r}, asked was {sent[tag]!r}")
    if "CB" in fields and not re.fullmatch(r"\d{1,12}", fields["CB"]):
        raise MalformedAnswer(0, "its amount CB is no number of 1 to 12 digits")


def _reason(code: str) -> str:
    return _REASONS.get(code[:2], f"not done (AF {code[:2]})" if code[:2].isdigit() else "not done")


def _facts(fields: Mapping[str, str]) -> PaymentFacts:
    shown = re.match(r"\d{6,8}", fields.get("AA", ""))
    scheme, entry_mode = _APPLICATIONS.get(fields.get("CC", ""), (None, None))
    return PaymentFacts(
        scheme=_SCHEMES.get(fields.get("AI", "")[:10], scheme),
        bin=shown[0] if shown else None,
        entry_mode=_ENTRY_MODES.get(fields.get("CI", ""), entry_mode),
    )
