"""Problems with products and stock."""

from poi_server.problem_codes.explanation import Explanation

CODES: dict[str, Explanation] = {
    "push-keys-wrong": Explanation(
        "No push keys", "The keys of the subscription are not those of a browser.", "Send what the Push API gives."
    ),
    "push-service-unknown": Explanation(
        "Unknown push service",
        "The subscription's address is not one of a push service in the configuration.",
        "Add the service's host to `push.services`.",
    ),
    "no-consent": Explanation(
        "No consent", "The customer has not agreed to this.", "Ask first: `PUT /v1/me/consents/{purpose}`."
    ),
    "being-sent": Explanation("Being sent", "The same notification is on its way.", "Wait until it is sent."),
    "too-many-products": Explanation(
        "Too many products", "Side by side there is place for a few products only.", "Name 1 to 4 codes in `codes`."
    ),
    "which-station": Explanation("Which station", "The answer depends on the counter.", "Name it in `station_id`."),
    "not-in-stock": Explanation(
        "Not in stock", "A place has less of a product than is asked for.", "Take less, or from another place."
    ),
    "stock-busy": Explanation("Stock busy", "Sales kept taking the same goods.", "Send the movement again."),
    "place-to": Explanation(
        "Where to", "`to` names where goods are moved: another place, and only for a move.", "Mend `to`."
    ),
    "gtin-taken": Explanation(
        "GTIN taken", "Another product has this GTIN.", "Take it off that product first, or look for a wrong digit."
    ),
    "parent": Explanation(
        "Wrong parent", "A variant's parent is another product that is no variant itself.", "Name the family's product."
    ),
    "content": Explanation("Half a content", "A content has a quantity and a unit.", "Send both, or neither."),
    "starts-in-the-past": Explanation(
        "Starts in the past", "A planned price starts later than now.", "Change the product's price instead."
    ),
    "too-many-plans": Explanation("Too many planned prices", "A product has at most 100.", "Take some back."),
    "bad-picture": Explanation(
        "Unreadable picture", "The file is no picture, or is damaged.", "Send a JPEG, PNG or WebP file."
    ),
    "picture-too-large": Explanation(
        "Picture too large", "The picture has more pixels than are read.", "Send one below 24 million."
    ),
    "picture-too-small": Explanation("Picture too small", "A picture has 16 pixels a side.", "Send a larger one."),
    "too-many-pictures": Explanation("Too many pictures", "A product has at most 8.", "Take one off the sheet first."),
    "unknown-picture": Explanation(
        "Unknown picture", "The product has no such picture, or it is named twice.", "Name each of its pictures once."
    ),
    "import-under-way": Explanation(
        "Import under way", "Another file is being imported.", "Wait for its end, then send this one."
    ),
}
