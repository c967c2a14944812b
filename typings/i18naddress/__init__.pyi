from collections.abc import Mapping, Sequence

VALIDATION_DATA_DIR: str

class ValidationRules:
    address_format: str
    country_name: str
    allowed_fields: set[str]
    required_fields: set[str]
    upper_fields: set[str]
    country_area_type: str
    city_type: str
    city_area_type: str
    postal_code_type: str
    country_area_choices: Sequence[tuple[str, str]]
    postal_code_examples: Sequence[str]

class InvalidAddressError(ValueError):
    errors: dict[str, str]

def get_validation_rules(address: Mapping[str, str]) -> ValidationRules: ...
def get_field_order(address: Mapping[str, str], latin: bool = ...) -> list[list[str]]: ...
def normalize_address(address: Mapping[str, str]) -> dict[str, str]: ...
def format_address(address: Mapping[str, str], latin: bool = ...) -> str: ...
