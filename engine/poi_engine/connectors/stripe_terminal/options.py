"""What a Stripe reader is driven by: its id, and the file of the account's key."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from poi_engine.connectors.options import options_of, secret_of, wrong


class StripeOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reader's options. `answer_seconds`: for a customer to show a card; `poll_seconds`: between two looks."""

    reader: Annotated[str, Meta(pattern=r"^tmr_[A-Za-z0-9_]{1,100}\Z")]
    api_key_file: Annotated[str, Meta(min_length=1, max_length=4096)]
    api: Annotated[str, Meta(pattern=r"^https?://[!-~]{1,200}\Z")] = "https://api.stripe.com"
    answer_seconds: Annotated[float, Meta(gt=0, le=600)] = 120.0
    poll_seconds: Annotated[float, Meta(gt=0, le=10)] = 1.0


class StripeReader:
    """A reader's options with the key read."""

    def __init__(self, station: str, options: StripeOptions) -> None:
        self.station = station
        self.options = options
        self.key = secret_of(station, "api_key_file", options.api_key_file)
        if not self.key.startswith(("sk_", "rk_")):
            raise wrong(station, ".api_key_file", "a key begins with sk_ or rk_ (better: a restricted one).")
        if options.api.startswith("http:") and urlsplit(options.api).hostname != "127.0.0.1":
            raise wrong(station, ".api", "the key travels by https only, but to this machine.")


def reader(station: str, options: Mapping[str, object]) -> StripeReader:
    """Read a reader's options. Raises `RequestError` with the option's path."""
    return StripeReader(station, options_of(StripeOptions, station, options))
