"""A receipt's payments as people read them."""

from msgspec.structs import replace

from poi_engine.fiscal.journal import Receipt, ReceiptPayment
from poi_engine.issuer import Issuer
from poi_engine.settings import ReceiptHead
from poi_server.receipts import WIDTH, Language, receipt_text

PAID = (
    ReceiptPayment(means="meal_voucher", amount=900),
    ReceiptPayment(means="card", amount=1000, card_scheme="cb"),
    ReceiptPayment(means="cash", amount=350, given=500),
)
RECEIPT = Receipt(
    kind="sale",
    sale_id="sal_1",
    store_id="sto_1",
    station_id="sta_1",
    currency="EUR",
    local_minute="2026-11-22T14:05+01:00",
    lines=(),
    vat=(),
    payments=PAID,
    subtotal=2250,
    saved=0,
    total=2250,
)


ISSUER = Issuer(merchant="Boulangerie", store="Rue Mercière", address="12 rue Mercière\n69002 Lyon", station="Caisse 2")


def rows(language: Language, issuer: Issuer, **more: str) -> list[str]:
    """The receipt's lines, their spaces taken together."""
    return [" ".join(row.split()) for row in receipt_text(RECEIPT, issuer, language, **more).splitlines()]  # type: ignore[arg-type]


def test_the_head_names_the_shop_the_store_its_address_and_the_station() -> None:
    printed = rows("fr", ISSUER)
    assert printed[:4] == ["Boulangerie", "Rue Mercière", "12 rue Mercière", "69002 Lyon"]
    assert printed[4].startswith("Ticket n° ")
    assert printed[5] == "Caisse : Caisse 2"
    assert "sta_1" not in "".join(printed)
    assert "Till: Caisse 2" in rows("en", ISSUER)


def test_what_the_law_wants_of_the_company_is_printed_and_nothing_is_wider_than_the_paper() -> None:
    company = "SARL au capital de 8 000 €, siège social 1 place Bellecour, RCS Lyon 404 833 048"
    head = ReceiptHead(vat_number="FR83404833048", lines=(company,))
    printed = rows("fr", replace(ISSUER, head=head, station="Caisse de la terrasse du premier étage, côté cour"))
    assert company in " ".join(printed)
    assert "N° TVA FR83404833048" in printed
    assert "Caisse : Caisse de la terrasse du premier" in printed
    assert max(map(len, printed)) <= WIDTH


def test_a_shop_of_one_store_of_the_same_name_is_named_once() -> None:
    assert rows("fr", Issuer(merchant="Boulangerie", store="BOULANGERIE"))[:2] == ["Boulangerie", rows("fr", ISSUER)[4]]


def test_beside_its_seal_it_says_in_which_stations_chain_it_stands() -> None:
    assert rows("fr", ISSUER, seal="0123456789abcdef")[-2:] == ["Empreinte 0123456789ab", "sta_1"]


def test_every_payment_is_printed_and_cash_with_its_change() -> None:
    printed = [" ".join(row.split()) for row in receipt_text(RECEIPT, ISSUER, "en").splitlines()]
    first = printed.index("Meal voucher €9.00")
    assert printed[first : first + 5] == [
        "Meal voucher €9.00",
        "Card CB €10.00",
        "Cash €3.50",
        "Given €5.00",
        "Change €1.50",
    ]


def test_in_french_too() -> None:
    printed = receipt_text(RECEIPT, ISSUER, "fr")
    for word in ("Titre-restaurant", "Carte CB", "Espèces", "Reçu", "Rendu"):
        assert word in printed
