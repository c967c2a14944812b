"""Problems with payments, stored value and the fiscal part."""

from poi_server.problem_codes.explanation import Explanation

CODES: dict[str, Explanation] = {
    "another-payment": Explanation(
        "Another payment",
        "The payment that was meant has its end; another of the session is in doubt by now.",
        "Read the session's tenders and say what became of the one in doubt.",
    ),
    "nexo-unreadable": Explanation(
        "No message of a till",
        "The body is no JSON object with a SaleToPOIRequest, so there is no header to answer to.",
        "Send one message, as docs/nexo.md shows.",
    ),
    "nexo-header": Explanation(
        "Header not understood",
        "The MessageHeader lacks something, or holds what no header may.",
        "See `path`: MessageClass, MessageCategory, MessageType, SaleID, POIID, and a ServiceID of 1 to 10 characters.",
    ),
    "nexo-crypto": Explanation(
        "Secured message not opened",
        "The key is not known here, or the message was changed on its way. All such faults have this one answer.",
        "Compare KeyIdentifier, KeyVersion and passphrase with [[nexo.keys]] in the configuration.",
    ),
    "nexo-till-unknown": Explanation(
        "Till not known",
        "The POI does not serve this SaleID.",
        "Add it to the POI's `sale_ids` in the configuration, or leave that list empty.",
    ),
    "offline-total": Explanation("Not the sum", "The lines do not add up to the total.", "Send what was paid."),
    "not-forwarded": Explanation(
        "Not at the bank yet",
        "The card was taken while the bank was away, and the bank does not know of the payment yet.",
        "Refund it once it is forwarded; `GET /v1/payments/at-risk` tells.",
    ),
    "never-charged": Explanation(
        "Never charged",
        "The card was taken while the bank was away, and the bank declined it afterwards: no money came.",
        "Take the goods back by a movement of stock; there is nothing to give back.",
    ),
    "other-card-paid": Explanation(
        "Another card paid",
        "The bank declined the sale's card, and another card paid since, of which no terminal has a reference.",
        "Say in `instead` by what it goes back: `cash` or `transfer`.",
    ),
    "nothing-instead": Explanation(
        "Goes back to what paid",
        "All of this sale goes back to what paid it; nothing goes back by other means.",
        "Leave `instead` out.",
    ),
    "not-declined": Explanation(
        "Not declined",
        "The bank has declined no such payment afterwards, or somebody has ended it.",
        "See `GET /v1/payments/at-risk`.",
    ),
    "undo-under-way": Explanation(
        "Being undone",
        "The payment is being undone at the terminal, or ended by somebody else, at this moment.",
        "Look at `GET /v1/payments/in-doubt` again in some seconds, and say it then if it still waits.",
    ),
    "not-reversing": Explanation(
        "Not going back",
        "The payment is not waiting to go back: it has its end, or the terminal has just undone it itself.",
        "See `GET /v1/payments/in-doubt`.",
    ),
    "offline-dropped": Explanation(
        "Dropped",
        "Somebody has dropped this sale that was made without the server, on record.",
        "Take it off the device; it is in the audit as `offline-dropped`.",
    ),
    "not-refused": Explanation(
        "Not refused",
        "The server records this sale that was made without it, has done so, or does once its refusal has passed.",
        "Send it with `POST /v1/stations/{station_id}/offline-sales`.",
    ),
    "offline-offer": Explanation(
        "No offer of a station's own",
        "A station gives by itself offers without limits, for everybody, with one effect a line.",
        "Send what `GET /v1/stations/{station_id}/offline-offers` had.",
    ),
    "means-off": Explanation(
        "Not taken here",
        "The shop does not take payments by these means, or they are not set up.",
        "Pay by means that `GET /v1/stations/{station_id}/means` names.",
    ),
    "terminal-away": Explanation(
        "Terminal away", "The card terminal cannot be reached. Nothing was sent.", "Look at its cable and its network."
    ),
    "terminal-busy": Explanation(
        "Terminal busy", "The card terminal works on another payment. Nothing was sent.", "Wait until it is done."
    ),
    "terminal-refused": Explanation(
        "Refused by the service",
        "The payment service refused the call. Nothing was taken.",
        "See its code in the text.",
    ),
    "book-away": Explanation(
        "Book not writable", "The connector's own book cannot be written. Nothing was sent.", "Make room on the disk."
    ),
    "no-terminal": Explanation(
        "No terminal here",
        "The station's connector has no terminal for it.",
        "Add it to `[[payment.terminals]]`, or give the station another connector.",
    ),
    "no-answer": Explanation(
        "No answer",
        "The terminal was asked and did not answer.",
        "Look at the terminal.",
    ),
    "malformed-answer": Explanation(
        "Unusable answer",
        "The terminal's answer is none to what it was asked.",
        "Look at the terminal.",
    ),
    "no-card-before-amount": Explanation(
        "Card with the amount only", "This kind of terminal reads the card together with the amount.", "Pay at once."
    ),
    "card-not-read": Explanation("No card read", "The customer showed no card, or stopped.", "Ask for the card again."),
    "amount-first": Explanation(
        "Amount first", "This reader shows an amount while it reads the card.", "Put something into the basket first."
    ),
    "original-unknown": Explanation(
        "Payment not found",
        "No terminal knows the payment that is to be given back. Nothing was sent.",
        "Refund it at the terminal by hand, and say so on the station's page.",
    ),
    "cannot-cancel": Explanation("Cannot be undone", "This kind of terminal undoes no payment.", "Refund the sale."),
    "not-for-this-terminal": Explanation(
        "Not for this terminal", "The terminal does not know this currency or amount.", "Take another means."
    ),
    "day-closed": Explanation(
        "Day closed",
        "This station's day is closed: nothing more is sold or refunded there on that day.",
        "Sell at another station, or go on after the store's midnight.",
    ),
    "period-not-over": Explanation(
        "Period not over",
        "There is no month or year of this station that is over and waits for its closing.",
        "Close it when its last day is over, or closed.",
    ),
    "books-moving": Explanation(
        "Books moving", "Receipts and closings of others kept coming in between.", "Close again."
    ),
    "nothing-to-archive": Explanation(
        "Nothing to archive",
        "No day of that year is closed yet.",
        "Close the days first; the server does it each night.",
    ),
    "fiscal-key": Explanation(
        "Signing key unusable",
        "The file of the key that signs closings cannot be read, or others can read it.",
        "The server's own administrator mends the file and its permissions.",
    ),
    "fiscal-modified": Explanation(
        "Fiscal part changed",
        "The fiscal part's sources are not those that were published for its version.",
        "Whoever changed them is their publisher and answers for them.",
    ),
    "gift-card-code": Explanation(
        "Gift card code misread", "The letters of the code do not fit each other.", "Read or type the code again."
    ),
    "already-active": Explanation("Gift card active", "This card was loaded before.", "Load it instead."),
    "gift-card-closed": Explanation("Gift card closed", "This card was paid back and closed.", "Take another means."),
    "gift-card-expired": Explanation(
        "Gift card expired", "The card's time is over, and what was on it has lapsed.", "Take another means."
    ),
    "value-limit": Explanation(
        "Too much stored value", "A wallet or gift card would hold more than the merchant's most.", "Load less."
    ),
    "value-spent": Explanation(
        "Value spent",
        "What was loaded is not all there any more, so it cannot be taken back.",
        "Pay back what is left by closing the wallet or the card.",
    ),
    "customer-needed": Explanation(
        "Customer needed", "A wallet is somebody's: nobody is identified.", "Identify the customer first."
    ),
    "currency-differs": Explanation("Another currency", "This is kept in another currency.", "Use its own currency."),
    "already-reversed": Explanation("Already undone", "This load or unload was undone before."),
    "not-reversible": Explanation("Not reversible", "Only a load or an unload of a gift card can be undone."),
    "bad-iban": Explanation("Not an IBAN", "The account number's check digits do not fit.", "Type it again."),
    "bad-bic": Explanation("Not a BIC", "A BIC has 8 or 11 letters and digits.", "Type it again, or leave it out."),
    "beneficiary-needed": Explanation(
        "Beneficiary needed", "Customers' banks ask whose account it is.", "Give the name that the bank knows."
    ),
    "too-many-credits": Explanation("Too many credits", "One request tells of too many.", "Tell them in parts."),
    "credit-settled": Explanation("Credit settled", "This credit is matched or dealt with already.", "Look again."),
    "credit-differs": Explanation(
        "Credit differs",
        "The bank's entry was told of before with another amount.",
        "Check the file: an entry's reference is the bank's own, and is used once.",
    ),
    "not-awaited": Explanation(
        "Not awaited", "Nobody waits for this transfer any more: it is paid, or was given up.", "Set the credit aside."
    ),
    "no-transfer": Explanation(
        "No transfer awaited", "No transfer is awaited for this session.", "Pay with `means: transfer` first."
    ),
    "epc-euro-only": Explanation("Euros only", "An EPC code is for credit transfers in euros.", "Use `kind=emv`."),
    "emv-not-set-up": Explanation(
        "No EMV scheme", "No scheme of merchant-presented codes is set up.", "Set it up, or use `kind=epc`."
    ),
    "emv-currency": Explanation("No EMV code", "No code is made in this currency.", "Take another means."),
    "bad-statement": Explanation(
        "Bad statement", "The bank's file is not one that can be read.", "Fetch camt.053 or camt.054 again, or a CSV."
    ),
    "statement-too-large": Explanation("Statement too large", "The file is too large.", "Split it by days."),
    "other-account": Explanation(
        "Another account", "The statement is of an account that is not set up here.", "Take the right file."
    ),
    "transfer-not-set-up": Explanation(
        "Transfers not set up", "There is no bank account that customers could transfer to.", "Set it up, or pay else."
    ),
    "no-payment": Explanation("No such payment", "There is no payment to wait for, or to give back on."),
    "value-on-tab": Explanation(
        "Not on a tab", "Stored value is paid for at once, not on a tab.", "Take another means."
    ),
    "tab-open": Explanation("Tab open", "This customer has an open tab.", "Pay on it, or close it."),
    "no-tab": Explanation("No tab", "This customer has no open tab.", "Open one with a card, or take another means."),
    "tab-busy": Explanation(
        "Tab busy", "A payment on the tab, or a question to the terminal, is under way.", "Try again in a moment."
    ),
    "hold-opening": Explanation(
        "Nobody knows yet", "The terminal has not said whether the card is held.", "Ask again; the terminal is asked."
    ),
    "hold-over": Explanation(
        "Nothing is held", "The card was let go, or was never held.", "Hold the card again, or take a payment."
    ),
    "hold-taken": Explanation(
        "Taken already", "A payment has taken of this hold, or is taking: that happens once.", "Take another payment."
    ),
    "more-than-held": Explanation(
        "More than is held", "The sale comes to more than what is held on the card.", "Let the card go, and pay anew."
    ),
    "bad-hold": Explanation("Only a card is held", "What is held is on a card.", "Pay by card, or without a hold."),
    "no-holds": Explanation(
        "No holds", "The station's terminal cannot hold an amount and take less of it later.", "Take another means."
    ),
    "bad-ceiling": Explanation("Bad ceiling", "A tab's ceiling is above the merchant's most.", "Choose a lower one."),
}
