"""Every condition, effect and setting of the offer model has a control and its words in both languages."""

from typing import Any, get_args

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Page

from poi_offers import model, offer_conditions, offer_effects, offer_parts
from poi_server.i18n import LANGUAGES, catalogue

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

LEAVES = {leaf.__struct_config__.tag: leaf for leaf in get_args(offer_conditions.Leaf)}
GROUPS = {part.__struct_config__.tag for part in get_args(offer_conditions.Condition)} - LEAVES.keys()
EFFECTS = {effect.__struct_config__.tag: effect for effect in get_args(offer_effects.Effect)}
PARTS = {"LIMIT": model.Limit, "STACKING": model.Stacking}
ELSEWHERE = {"version", "effects", "conditions", "limits", "stacking"}
"""Settings of an offer that are sections of the form (or counted by the server) instead of fields."""


@pytest_asyncio.fixture(loop_scope="session")
async def table(module_page: Page) -> dict[str, Any]:
    """The form's table of fields, and the kinds of control there are."""
    script = """async () => { const table = await module('offer_fields.js');
      const { CONTROL_KINDS } = await module('offers/controls.js');
      return { ...table, kinds: CONTROL_KINDS }; }"""
    found: dict[str, Any] = await module_page.evaluate(script)
    return found


def _fields(kind: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind)}


async def test_every_condition_has_an_entry_with_all_its_fields(table: dict[str, Any]) -> None:
    """No leaf and no property is missing, and none is invented."""
    assert set(table["GROUPS"]) == GROUPS
    entries = {tag: {field["name"] for field in entry["fields"]} for tag, entry in table["CONDITIONS"].items()}
    assert entries == {tag: _fields(leaf) for tag, leaf in LEAVES.items()}


async def test_every_effect_has_an_entry_with_all_its_fields(table: dict[str, Any]) -> None:
    """The same for effects."""
    entries = {tag: {field["name"] for field in entry["fields"]} for tag, entry in table["EFFECTS"].items()}
    assert entries == {tag: _fields(effect) for tag, effect in EFFECTS.items()}


async def test_limits_stacking_and_the_offer_itself_are_complete(table: dict[str, Any]) -> None:
    """Every setting is somewhere in the form."""
    for name, kind in PARTS.items():
        assert {field["name"] for field in table[name]} == _fields(kind)
    own = {field["name"] for field in [*table["OFFER"], *table["OFFER_MORE"]]}
    assert own | ELSEWHERE == _fields(model.Offer)


async def test_every_field_has_a_control_and_required_ones_say_so(table: dict[str, Any]) -> None:
    """A property without a default in the model is required in the form or starts with a value."""
    for tags, kinds in (("CONDITIONS", LEAVES), ("EFFECTS", EFFECTS)):
        for tag, entry in table[tags].items():
            needed = {field.encode_name for field in msgspec.structs.fields(kinds[tag]) if field.required}
            assert needed <= {field["name"] for field in entry["fields"] if field.get("required")}, tag
    assert {field["kind"] for field in _every_field(table)} <= set(table["kinds"])


async def test_choices_are_exactly_the_models(table: dict[str, Any]) -> None:
    """A closed list of words offers all of them."""
    for tags, kinds in (("CONDITIONS", LEAVES), ("EFFECTS", EFFECTS)):
        for tag, entry in table[tags].items():
            types = {field.encode_name: field.type for field in msgspec.structs.fields(kinds[tag])}
            for field in entry["fields"]:
                if "choices" in field:
                    assert set(field["choices"]) == _literals(types[field["name"]]), (tag, field["name"])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_everything_has_its_words(table: dict[str, Any], language: str) -> None:
    """Tags, fields, families and choices have labels in both languages."""
    wanted = {f"condition.{tag}" for tag in LEAVES.keys() | GROUPS} | {f"effect.{tag}" for tag in EFFECTS}
    for tags, family in (("CONDITIONS", "condition"), ("EFFECTS", "effect")):
        wanted |= {f"{family}_group.{entry['group']}" for entry in table[tags].values()}
    for field in _every_field(table):
        wanted.add(f"field.{field.get('called', field['name'])}")
        wanted |= {f"{field.get('words', field['name'])}.{choice}" for choice in field.get("choices", ())}
    wanted |= {
        f"field.{name}"
        for name in _fields(offer_parts.Selector)
        | _fields(offer_conditions.WeeklyWindow)
        | _fields(offer_conditions.BundleItem)
    }
    assert wanted - catalogue(language).keys() == set()


def _every_field(table: dict[str, Any]) -> list[dict[str, Any]]:
    entries = [*table["CONDITIONS"].values(), *table["EFFECTS"].values()]
    lists = [entry["fields"] for entry in entries] + [table[name] for name in (*PARTS, "OFFER", "OFFER_MORE")]
    return [field for fields in lists for field in fields]


def _literals(kind: Any) -> set[Any]:
    """Every word of every Literal inside a type."""
    if getattr(kind, "__origin__", None) is None and not get_args(kind):
        return set()
    found: set[Any] = set()
    for part in get_args(kind):
        found |= {part} if isinstance(part, str | int) and not isinstance(part, bool) else _literals(part)
    return found
