"""What an archive says about itself."""

README = """\
ARCHIVE OF A YEAR'S RECEIPTS, CLOSINGS AND EVENTS
=================================================

To verify it, nothing but Python 3.10 or newer is needed:

    unzip -p archive.zip verify_archive.py > verify_archive.py
    python3 verify_archive.py archive.zip --key PUBLIC_KEY

PUBLIC_KEY is the merchant's published key (64 hex digits). Without it the script says which keys signed: compare them.
Whoever forges an archive forges its script too: where that matters, take verify_archive.py from poi-server itself.

Files (UTF-8)
-------------
receipts.jsonl   one receipt a line, by station and rising number
closings.jsonl   the closings of days, months and years, by station and rising number
events.jsonl     the event log; an empty station_id is the merchant's own chain
training.jsonl   receipts of exercises: they are no sales and count nowhere
totals.csv       the sums of each day by VAT rate (kind vat), by means of payment (kind means), and stored value sold
                 (kind stored), which is in no rate: its VAT is due when it is spent; stored value paid back for good,
                 by means (kind paid-back), is in no other row
manifest.json    what the archive holds: SHA-256 of each file, the span of each chain, the public keys
manifest.sig     Ed25519 signature of "poi-server archive 1\\n" followed by the bytes of manifest.json

A line of a .jsonl file
-----------------------
station_id, number   the chain and the row's place in it, without a gap
format               the version of the document's fields
document             the row's own JSON as text: exactly the bytes that the hash covers
previous, hash       in hex; hash = SHA-256(previous (32 bytes) + number (8 bytes, big endian) + document)
key_id, signature    of closings: Ed25519 signature of "poi-server closing 1\\n" followed by the hash (32 bytes)

The first row of a chain follows SHA-256("poi-server NAME 1\\nMERCHANT\\nSTATION"), NAME being journal, closings,
events or training; a span that begins later follows the hash "before" in the manifest.

Documents
---------
Amounts are whole minor units (cents) with VAT, negative on refunds; rates are basis points (2000 = 20 %), quantities
thousandths. Times: "at" is UTC, "local_minute" the store's clock. Customers are pseudonyms.
A receipt: kind (sale, refund), number, sale_id, refund_of, store_id, station_id, lines (label, code, quantity, unit,
unit_price, vat_rate, amount, saved, total), discounts, vat (rate, net, vat, gross), payments (means, amount), subtotal,
saved, total, stored (of it, stored value that was sold), seller_id, customer_id, fiscal (version and hash of the
fiscal part that wrote it).
A closing: kind (day, month, year), period, first and last receipt, sales, refunds, sales_total, refunds_total, total,
vat, means, stored, carried_sales, carried_total (before the period), perpetual_sales, perpetual_total (after it),
paid_back (stored value paid back for good, by means: the station's events first to last),
in_doubt, adds_up (numbers of the closings it adds up), and where the other chains stood when it was made.
"""
