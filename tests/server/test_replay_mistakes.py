"""What a replay refuses: the file, the line, the JSON path, how to mend it, and nothing half-written."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from poi_server.cli import main
from poi_server.replay.lines import MAX_LINE
from tests.server.replayed import NOON, PARIS, Desk, ndjson, offer, request

RIGHT = msgspec.json.encode(request()) + b"\n"


@pytest.fixture
def desk(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Desk:
    """An empty desk."""
    return Desk(tmp_path, capfd)


def without(name: str, **more: Any) -> dict[str, Any]:
    """A request that lacks a field."""
    return {key: value for key, value in request(**more).items() if key != name}


LINE = {"line_id": "1", "label": "Cake", "unit_price": 1000}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (request(colour=1), "$.colour: Object contains unknown field `colour`."),
        (request(items=[LINE | {"quantity": 0}]), "$.items[0].quantity: Expected `int` >= 1."),
        (request(items=[LINE, LINE]), "$.items[1].line_id: Two lines have the id '1': give each its own."),
        (request(at="yesterday"), "$.at: Invalid RFC3339 encoded datetime."),
        (request(at="2026-11-22T11:00:00"), "$.at: The time needs its offset, such as `Z`."),
        (request(at="1902-11-22T11:00:00Z"), "$.at: The year is 1971 to 8999."),
        (
            without("at"),
            "$.at: Give the moment of the basket, such as 2026-11-22T17:30:00Z, or --at for all that have none.",
        ),
        (without("currency"), "$.currency: Give `currency` and `items`, or a whole `basket`."),
        (without("place"), "$.place: Give either `place` or `store_id`."),
        (request(store_id="sto_1"), "$.place: Give either `place` or `store_id`."),
        (
            without("place", store_id="sto_1"),
            "$.store_id: No such store in --stores FILE: name it there, or write `place` with the store's zone here.",
        ),
        (
            request(place={"zone": "Paris"}),
            "$.place.zone: 'Paris' is no IANA time zone; write one such as Europe/Paris.",
        ),
        (request(place={"zone": "UTC", "lat": 1}), "$.place.lat: A position needs both `lat` and `lon`."),
        (
            request(basket={"currency": "EUR"}),
            "$.basket: Give `basket`, or `currency`, `items` and the rest beside it, not both.",
        ),
        (
            {"at": NOON, "place": PARIS, "basket": {"currency": "EUR", "items": [LINE, LINE]}},
            "$.basket.items[1].line_id: Two lines have the id '1': give each its own.",
        ),
        (
            request(customer_id="cus_1"),
            "$.customer_id: A replay looks nobody up: write what was on file as `customer`, with this `customer_id`.",
        ),
        (
            request(customer={"customer_id": "cus_1", "last_visit": "2026-01-01T09:00:00"}),
            "$.customer.last_visit: The time needs its offset, such as `Z`.",
        ),
        (
            request(entries=[{"code": "3017620422003"}]),
            "$.entries[0].code: A replay has no list of products: write the line in `items`, with its label and price.",
        ),
        (request(entries=[{}]), "$.entries[0]: A line has either a product code or an amount."),
        ([request()], "$: Expected `object`, got `array`."),
    ],
)
def test_a_request_that_does_not_fit(desk: Desk, wrong: Any, told: str) -> None:
    requests = RIGHT + b"\n" + msgspec.json.encode(wrong) + b"\n" + RIGHT
    assert desk.refused([offer("off_1")], requests) == [
        "1 mistake; nothing was decided, nothing was written.",
        f"requests, line 3, {told}",
    ]


@pytest.mark.parametrize("broken", [b'{"at": ', b"at,place", b'{"store_id": "\xff"}', RIGHT.strip() * 2])
def test_a_line_that_is_no_json(desk: Desk, broken: bytes) -> None:
    told = desk.refused([offer("off_1")], RIGHT + broken + b"\n")
    assert told[1].startswith("requests, line 2, $: This is no JSON (")
    assert told[1].endswith("write one whole JSON object on the line.")


def test_a_line_without_an_end(desk: Desk) -> None:
    told = desk.refused([offer("off_1")], RIGHT + b"[" + b" " * MAX_LINE + b"0]\n" + b"x\n")
    assert [line.partition(":")[0] for line in told[1:]] == ["requests, line 2, $", "requests, line 3, $"]
    assert told[1].endswith("write one JSON object a line.")


@pytest.mark.parametrize(
    ("wrong", "path", "told"),
    [
        (offer("off_2", colour=1), "$.colour", "unknown field"),
        (offer("off_2", effects=[]), "$.effects", "length >= 1"),
        (offer("off_2", effects=[{"type": "percent_off", "percent": 0}]), "$.effects[0].percent", ">= 1"),
        (offer("off_2", name={}), "$.name", "one language at least"),
        (
            offer("off_2", conditions={"type": "all", "of": [{"type": "dates"}]}),
            "$.conditions.of[0]",
            "give first, last or both",
        ),
        (offer("off_1"), "$.offer_id", "The offer 'off_1' is there already, on line 1: keep one of them."),
    ],
)
def test_an_offer_that_does_not_fit(desk: Desk, wrong: Any, path: str, told: str) -> None:
    """By its path in the offer, in the array or in what was exported around it."""
    first = offer("off_1")
    shapes = {
        path: ndjson([first, wrong]),
        f"$[1]{path[1:]}": b"[" + msgspec.json.encode(first) + b",\n" + msgspec.json.encode(wrong) + b"]",
        f"$.offer{path[1:]}": ndjson([first, {"offer": wrong, "state": "live"}]),
        f"$.items[1].offer{path[1:]}": b'{"items": [%b,\n{"offer": %b}]}'
        % (msgspec.json.encode(first), msgspec.json.encode(wrong)),
    }
    for where, content in shapes.items():
        lead, said = desk.refused(content, RIGHT)
        assert lead == "1 mistake; nothing was decided, nothing was written."
        assert said.startswith(f"offers, line 2, {where}: ")
        assert told in said


def test_an_offer_that_is_too_deep_to_read(desk: Desk) -> None:
    (_, told) = desk.refused(b'{"x": ' + b"[" * 100_000, RIGHT)
    assert told.startswith("offers, line 1, $: This is no JSON (maximum recursion depth")


def test_an_array_that_breaks_off(desk: Desk) -> None:
    whole = msgspec.json.format(msgspec.json.encode([offer("off_1"), offer("off_2")]))
    cut = desk.refused(whole[:-3], RIGHT)
    assert cut[1].startswith(f"offers, line {whole[:-3].count(10) + 1}, $: The array is no JSON")
    odd = desk.refused(whole.replace(b'"off_2"', b"off_2"), RIGHT)
    line = whole[: whole.index(b'"off_2"')].count(b"\n") + 1
    assert odd[1].startswith(f"offers, line {line}, $: The array is no JSON")


def test_all_mistakes_of_a_file_are_told_and_of_many_the_first(desk: Desk) -> None:
    three = desk.refused([offer("off_1")], ndjson([request(at=1), request(), request(at="no")]) + b"{\n")
    assert [line.split(",")[1] for line in three[1:]] == [" line 1", " line 3", " line 4"]
    many = desk.refused([offer("off_1")], b"{\n" * 1234)
    assert (many[0], len(many)) == ("1,234 mistakes; nothing was decided, nothing was written.", 22)
    assert many[-1] == "... and 1,214 more"


def test_stores_that_cannot_be_read(desk: Desk) -> None:
    for content, told in (
        (b'[{"store_id": "sto_1"}]', "$[0].zone: Object missing required field `zone`."),
        (b'{"items": [{"store_id": "sto_1", "zone": "Paris"}]}', "$.items[0].zone: 'Paris' is no IANA time zone"),
        (b"{}", "$.items: Object missing required field `items`."),
    ):
        said = desk.refused([offer("off_1")], RIGHT, "--stores", desk.file("stores", content))
        assert said[1].startswith(f"stores, line 1, {told}")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            ("--policy", "generous"),
            "--policy generous: write customer_best, priority or margin_best, or the name of a JSON file.",
        ),
        (("--stores", "/nowhere/stores.json"), "/nowhere/stores.json cannot be read: No such file or directory."),
        (("--out", "/nowhere/decisions"), "/nowhere/decisions cannot be written: No such file or directory."),
        (
            ("--out", "/dev/null"),
            "--out /dev/null is no file of its own: give another name, or leave --out away for standard output.",
        ),
    ],
)
def test_options_that_cannot_be_met(desk: Desk, options: tuple[str, ...], told: str) -> None:
    assert desk.refused([offer("off_1")], RIGHT, *options) == [told]


def test_a_policy_that_does_not_fit(desk: Desk) -> None:
    file = desk.file("policy.json", b'{"choice": "priority", "points": "many"}')
    assert desk.refused([offer("off_1")], RIGHT, "--policy", file) == [
        "policy.json, $.points: Expected `int`, got `str`."
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "Name a FILE with the question, or --offers and --requests for a replay."),
        (["--offers", "a"], "A replay takes both --offers FILE and --requests FILE, and no other FILE."),
        (["--requests", "a"], "A replay takes both --offers FILE and --requests FILE, and no other FILE."),
        (["basket.json", "--offers", "a", "--requests", "b"], "A replay takes both"),
        (["basket.json", "--policy", "priority", "--out", "x"], "--policy, --out only with --offers and --requests."),
        (["--offers", "-", "--requests", "-"], "Only one of --offers and --requests can be standard input."),
        (["--offers", "absent", "--requests", "absent"], "absent cannot be read: No such file or directory."),
    ],
)
def test_questions_that_are_half_asked(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decide", *words]) == 2
    assert capsys.readouterr().err.startswith(f"poi-server: {told}")


def test_a_time_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["decide", "--offers", "a", "--requests", "b", "--at", "noon"])
    assert ended.value.code == 2
    assert "--at: give a time such as 2026-12-24T17:00Z, not 'noon'" in capsys.readouterr().err
