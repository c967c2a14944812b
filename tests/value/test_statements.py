"""Reading what a bank's file says came in: booked credits only, each with the bank's own reference."""

import tracemalloc
from datetime import UTC, datetime

import pytest
from babel.numbers import get_currency_precision
from hypothesis import given
from hypothesis import strategies as st

from poi_engine.errors import RequestError
from poi_engine.value.statements import MAX_BYTES, read_statement

NS = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
IBAN = "FR1420041010050500013M02606"


def entry(
    amount: str = "18.90",
    kind: str = "CRDT",
    state: str = "BOOK",
    more: str = "",
    ref: str = "BANK-1",
    ccy: str = "EUR",
) -> str:
    return (
        f'<Ntry><Amt Ccy="{ccy}">{amount}</Amt><CdtDbtInd>{kind}</CdtDbtInd><Sts>{state}</Sts>'
        f"<BookgDt><Dt>2026-11-22</Dt></BookgDt><AcctSvcrRef>{ref}</AcctSvcrRef>{more}</Ntry>"
    )


def camt053(*entries: str, iban: str = IBAN) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{NS}"><BkToCstmrStmt><GrpHdr/><Stmt><Id>1</Id>'
        f"<Acct><Id><IBAN>{iban}</IBAN></Id></Acct>{''.join(entries)}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def details(reference: str, amount: str = "", own: str = "") -> str:
    refs = f"<Refs><AcctSvcrRef>{own}</AcctSvcrRef><EndToEndId>NOTPROVIDED</EndToEndId></Refs>"
    money = f'<AmtDtls><TxAmt><Amt Ccy="EUR">{amount}</Amt></TxAmt></AmtDtls>' if amount else ""
    ref = f"<RmtInf><Strd><CdtrRefInf><Ref>{reference}</Ref></CdtrRefInf></Strd></RmtInf>"
    return f"<TxDtls>{refs}{money}{ref}</TxDtls>"


def test_a_booked_credit_is_read_with_its_structured_reference() -> None:
    more = f"<NtryDtls>{details('RF18539007547034')}</NtryDtls>"
    (found,) = read_statement(camt053(entry(more=more)), get_currency_precision, IBAN)
    assert (found.credit_id, found.amount, found.currency) == ("BANK-1", 1890, "EUR")
    assert found.booked_at == datetime(2026, 11, 22, tzinfo=UTC)
    assert "RF18539007547034" in found.reference


def test_debits_pending_entries_and_reversals_are_not_money_that_came() -> None:
    content = camt053(
        entry(kind="DBIT"),
        entry(state="PDNG"),
        entry(more="<RvslInd>true</RvslInd>"),
        entry(state="<Cd>BOOK</Cd>", ref="NEWER"),
    )
    assert [one.credit_id for one in read_statement(content, get_currency_precision)] == ["NEWER"]


def test_a_batch_is_read_transfer_by_transfer() -> None:
    batch = f"<NtryDtls>{details('RF1', '10.00')}{details('RF2', '8.90', 'OWN-2')}</NtryDtls>"
    found = read_statement(camt053(entry(more=batch)), get_currency_precision)
    assert [(one.credit_id, one.amount) for one in found] == [("BANK-1/1", 1000), ("OWN-2", 890)]


def test_an_entry_that_is_only_numbered_is_told_from_those_of_other_statements() -> None:
    def statement(name: str) -> bytes:
        numbered = (
            entry().replace("<AcctSvcrRef>BANK-1</AcctSvcrRef>", "").replace("<Ntry>", "<Ntry><NtryRef>1</NtryRef>")
        )
        return camt053(numbered).replace(b"<Id>1</Id>", f"<Id>{name}</Id>".encode())

    names = [read_statement(statement(name), get_currency_precision)[0].credit_id for name in ("a", "b", "x" * 99, "a")]
    assert names[0] == names[3]
    assert len(set(names)) == 3
    assert max(map(len, names)) <= 64
    with pytest.raises(RequestError, match="no reference"):
        read_statement(statement(""), get_currency_precision)


def test_a_notification_is_read_like_a_statement() -> None:
    content = camt053(entry()).replace(b"BkToCstmrStmt", b"BkToCstmrDbtCdtNtfctn").replace(b"Stmt>", b"Ntfctn>")
    assert len(read_statement(content.replace(b"camt.053", b"camt.054"), get_currency_precision)) == 1


def test_amounts_are_exact_in_each_currency() -> None:
    content = camt053(entry("1890", ccy="JPY", ref="a"), entry("1.234", ccy="BHD", ref="b"))
    assert [one.amount for one in read_statement(content, get_currency_precision)] == [1890, 1234]


BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "' + b"x" * 99 + b'">]><Document>&b;&b;&b;</Document>'


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (BOMB, "document type declaration"),
        ('<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'.encode("utf-16"), "neither XML nor"),
        (b"<Document><BkToCstmrStmt>", "not well-formed"),
        (b"<html/>", "neither a camt.053 nor a camt.054"),
        (b"<a>" * 50 + b"</a>" * 50, "deeper than 40"),
        (camt053(entry("18.901")), "no amount"),
        (camt053(entry("1e999999999")), "no amount"),
        (camt053(entry("NaN")), "no amount"),
        (camt053(entry("0.00")), "no amount"),
        (camt053(entry(ref=" ")), "no reference"),
        (camt053(entry().replace("2026-11-22", "22/11/2026")), "no booking date"),
        (b"\xff\xfe\x00", "neither XML nor"),
        (camt053(entry()).replace(b"UTF-8", b"klingon"), "an encoding"),
        (camt053(entry()).replace(b"UTF-8", b"shift_jis"), "an encoding"),
        (b"credit_id,amount\nx,1\n", "lacks booked_on, currency, reference"),
        (b"x" * (MAX_BYTES + 1), "split it"),
    ],
)
def test_a_bad_file_is_refused_with_a_reason(content: bytes, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        read_statement(content, get_currency_precision)


def test_a_statement_of_another_account_is_refused() -> None:
    with pytest.raises(RequestError) as refused:
        read_statement(camt053(entry(), iban="DE89370400440532013000"), get_currency_precision, IBAN)
    assert refused.value.code == "other-account"


def test_a_csv_is_read_with_commas_or_semicolons() -> None:
    plain = b"credit_id,amount,currency,booked_on,reference\nb-1,18.90,EUR,2026-11-22,RF18539007547034\n"
    french = "\ufeffcredit_id;amount;currency;booked_on;reference\nb-1;18,90;EUR;2026-11-22;RF18539007547034\n".encode()
    assert read_statement(plain, get_currency_precision) == read_statement(french, get_currency_precision)


@pytest.mark.parametrize("amount", ["1.000", '"1,000"', "1.0000"])
def test_thousands_in_a_csv_are_not_taken_for_decimals(amount: str) -> None:
    line = f"credit_id,amount,currency,booked_on,reference\nb-1,{amount},EUR,2026-11-22,\n"
    with pytest.raises(RequestError, match=r"Line 2: .* decimals, more than EUR has"):
        read_statement(line.encode(), get_currency_precision)


@given(st.binary(max_size=200), st.integers(0, 400))
def test_a_damaged_file_is_refused_or_read_and_nothing_else(noise: bytes, place: int) -> None:
    whole = camt053(entry())
    for content in (noise, whole[:place] + noise + whole[place + len(noise) :]):
        try:
            read_statement(content, get_currency_precision)
        except RequestError:
            continue


def test_a_file_of_empty_elements_takes_no_memory() -> None:
    """Wherever they stand outside an entry; inside one there is an end to them."""
    empty = "<X/>" * 150_000
    tracemalloc.start()
    try:
        content = camt053(empty, entry(), empty)
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        assert len(read_statement(content, get_currency_precision, IBAN)) == 1
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 6_000_000
    with pytest.raises(RequestError) as refused:
        read_statement(camt053(entry(more=empty + empty)), get_currency_precision, IBAN)
    assert refused.value.code == "statement-too-large"
