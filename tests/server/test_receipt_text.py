"""A receipt's payments as people read them."""

from poi_engine.fiscal.journal import Receipt, ReceiptPayment
from poi_server.receipts import receipt_text

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


def test_every_payment_is_printed_and_cash_with_its_change() -> None:
    printed = [" ".join(row.split()) for row in receipt_text(RECEIPT, "Boulangerie", "en").splitlines()]
    first = printed.index("Meal voucher €9.00")
    assert printed[first : first + 5] == [
        "Meal voucher €9.00",
        "Card CB €10.00",
        "Cash €3.50",
        "Given €5.00",
        "Change €1.50",
    ]


def test_in_french_too() -> None:
    printed = receipt_text(RECEIPT, "Boulangerie", "fr")
    for word in ("Titre-restaurant", "Carte CB", "Espèces", "Reçu", "Rendu"):
        assert word in printed
