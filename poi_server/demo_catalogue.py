"""The demo shop's catalogue: a pastry cook's products and offers, written as a merchant would send them.

Codes come from the GS1 range for use within one company (prefix 200): they are nobody's real product.
"""

from typing import Any

MERCHANT = "Maison Colette"
STORE: dict[str, Any] = {
    "name": "Maison Colette, rue Cler",
    "address": "29 rue Cler, 75007 Paris",
    "lat": 48.8566,
    "lon": 2.3059,
    "zone": "Europe/Paris",
    "regions": ["FR", "FR-75"],
}

STATIONS = ("Comptoir", "Livraisons")


def gtin(number: int) -> str:
    """An EAN-13 of the in-company range with its check digit."""
    digits = f"200{number:09d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def _product(
    number: int, label: str, category: str, price: int, cost: int, vat: int = 550, **more: Any
) -> dict[str, Any]:
    return {
        "code": gtin(number),
        "label": label,
        "category": category,
        "brand": "Colette",
        "unit": "piece",
        "unit_price": price,
        "vat_rate": vat,
        "cost": cost,
        **more,
    }


PRODUCTS = [
    _product(1, "Macaron vanille", "Pâtisserie/Macarons", 220, 60),
    _product(2, "Macaron pistache", "Pâtisserie/Macarons", 240, 75),
    _product(3, "Macaron framboise", "Pâtisserie/Macarons", 220, 62),
    _product(4, "Macaron caramel beurre salé", "Pâtisserie/Macarons", 230, 66),
    _product(10, "Coffret de 6 macarons", "Pâtisserie/Coffrets", 1250, 420),
    _product(11, "Coffret de 12 macarons", "Pâtisserie/Coffrets", 2390, 800),
    _product(20, "Éclair au café", "Pâtisserie/Éclairs", 480, 140),
    _product(21, "Éclair au chocolat", "Pâtisserie/Éclairs", 480, 145),
    _product(22, "Tarte au citron", "Pâtisserie/Tartes", 560, 170),
    _product(23, "Paris-brest", "Pâtisserie/Gâteaux", 620, 210),
    _product(24, "Fraisier, la part", "Pâtisserie/Gâteaux", 650, 230),
    _product(30, "Croissant", "Viennoiserie", 140, 45),
    _product(31, "Pain au chocolat", "Viennoiserie", 160, 52),
    _product(40, "Café allongé", "Boissons/Chaudes", 240, 40, 1000),
    _product(41, "Thé vert sencha", "Boissons/Chaudes", 380, 60, 1000),
    _product(42, "Chocolat chaud", "Boissons/Chaudes", 420, 90, 1000),
    _product(50, "Calissons au détail", "Confiserie", 4800, 1900, 550, unit="kg"),
]


def _offer(
    offer_id: str, fr: str, en: str, effects: list[dict[str, Any]], *conditions: dict[str, Any], **more: Any
) -> dict[str, Any]:
    return {
        "offer_id": offer_id,
        "name": {"fr": fr, "en": en},
        "currency": "EUR",
        "effects": effects,
        "conditions": {"type": "all", "of": list(conditions)},
        **more,
    }


OFFERS = [
    _offer(
        "off_welcome",
        "Bienvenue : 10 % sur la première commande",
        "Welcome: 10 % off the first order",
        [{"type": "percent_off", "percent": 1000, "cap": 500}],
        {"type": "first_purchase"},
        stacking={"priority": 50},
        limits=[{"of": "uses", "cap": 1, "per": "customer"}],
    ),
    _offer(
        "off_third_box",
        "Deux coffrets achetés, le troisième à moitié prix",
        "Buy two boxes, get a third at half price",
        [
            {
                "type": "buy_x_get_y",
                "items": {"categories": ["Pâtisserie/Coffrets"]},
                "buy": 2,
                "get": 1,
                "percent": 5000,
            }
        ],
        stacking={"priority": 40},
    ),
    _offer(
        "off_macaron_four",
        "Quatre macarons, le moins cher offert",
        "Four macarons, the cheapest one free",
        [{"type": "buy_x_get_y", "items": {"categories": ["Pâtisserie/Macarons"]}, "buy": 3, "get": 1, "times": 5}],
        stacking={"priority": 30, "group": "macarons"},
    ),
    _offer(
        "off_tea_time",
        "À l'heure du thé : 20 % sur les boissons chaudes",
        "Tea time: 20 % off hot drinks",
        [{"type": "percent_off", "percent": 2000, "on": "line", "items": {"categories": ["Boissons/Chaudes"]}}],
        {"type": "weekly", "windows": [{"days": [1, 2, 3, 4, 5, 6, 7], "start": "15:00", "end": "18:00"}]},
        stacking={"priority": 20},
    ),
    _offer(
        "off_free_coffee",
        "Un café offert dès 25 €",
        "A free coffee above 25 €",
        [{"type": "free_item", "items": {"products": [gtin(40)]}}],
        {"type": "subtotal", "min": 2500},
        stacking={"priority": 20},
    ),
    _offer(
        "off_big_basket",
        "8 % dès 40 € d'achat",
        "8 % off from 40 €",
        [{"type": "percent_off", "percent": 800}],
        {"type": "subtotal", "min": 4000},
        stacking={"priority": 10},
        limits=[{"of": "money", "cap": 50_000, "per": "total", "period": "month"}],
    ),
    _offer(
        "off_contactless",
        "1 € de remise en carte de débit sans contact",
        "1 € off with a contactless debit card",
        [{"type": "amount_off", "amount": 100}],
        {"type": "card_type", "any_of": ["debit"]},
        {"type": "entry_mode", "any_of": ["contactless"]},
        {"type": "subtotal", "min": 1000},
        stacking={"priority": 5},
        limits=[{"of": "uses", "cap": 200, "per": "total", "period": "day"}],
    ),
    _offer(
        "off_gold_points",
        "Points doublés pour les membres Or",
        "Double points for Gold members",
        [{"type": "points_multiplier", "factor": 2000}],
        {"type": "tier", "any_of": ["gold"]},
    ),
    _offer(
        "off_birthday",
        "Un éclair offert la semaine de votre anniversaire",
        "A free éclair in your birthday week",
        [{"type": "free_item", "items": {"categories": ["Pâtisserie/Éclairs"]}}],
        {"type": "birthday", "before": 3, "after": 3},
        limits=[{"of": "uses", "cap": 1, "per": "customer", "period": "month"}],
    ),
    _offer(
        "off_code",
        "Code MACARON : 2 € de remise",
        "Code MACARON: 2 € off",
        [{"type": "amount_off", "amount": 200}],
        {"type": "code", "any_of": ["MACARON"]},
        limits=[{"of": "uses", "cap": 1, "per": "customer"}],
    ),
    _offer(
        "off_reward_5",
        "5 € pour 100 points",
        "5 € for 100 points",
        [{"type": "amount_off", "amount": 500}],
        reward_points=100,
    ),
    _offer(
        "off_come_back",
        "Revenez : 5 % de cagnotte sur votre visite",
        "Come back: 5 % of your visit as store credit",
        [{"type": "cashback", "percent": 500, "cap": 300}],
        {"type": "nth_visit", "n": 3, "every": True},
    ),
    _offer(
        "off_season",
        "Le mot de la maison",
        "A word from the house",
        [
            {
                "type": "message",
                "text": {
                    "fr": "Les macarons à la châtaigne arrivent samedi.",
                    "en": "Chestnut macarons arrive on Saturday.",
                },
            }
        ],
    ),
]

CARDS = {
    "LOY-CAMILLE": {"display_name": "Camille Martin", "birthday": "1990-03-14", "language": "fr"},
    "LOY-SAMIR": {"display_name": "Samir Haddad", "birthday": "1985-11-23", "language": "fr"},
    "LOY-EMMA": {"display_name": "Emma Clarke", "birthday": "1996-07-02", "language": "en"},
    "LOY-LUCAS": {"display_name": "Lucas Bernard", "language": "fr"},
    "LOY-INES": {"display_name": "Inès Moreau", "language": "fr"},
}
