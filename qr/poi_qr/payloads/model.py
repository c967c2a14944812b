"""What every payload standard yields: a `Payload`."""

from dataclasses import dataclass

from poi_qr.scan import Assurance


@dataclass(frozen=True, slots=True)
class Payload:
    """The meaning of a code's content, unverified.

    `assurance` is what the scheme can reach: a `poi1` payload authenticates only once its token is checked. `evidence`
    holds facts that may be shown and logged, never a card number or a secret.
    """

    scheme: str
    subject: str
    assurance: Assurance = "identify"
    evidence: tuple[tuple[str, str], ...] = ()


def facts(**values: str | None) -> tuple[tuple[str, str], ...]:
    """Evidence of the values that are there; `merchant_name` becomes `merchant-name`."""
    return tuple((name.replace("_", "-"), value) for name, value in values.items() if value)
