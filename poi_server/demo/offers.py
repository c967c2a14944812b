"""The pastry shop's offers, what a friend's word is worth there, and the campaign that is under way."""

from poi_server.demo.plan import campaign, gold_points, gtin, offer, percent_on, reward

OFFERS = (
    offer(
        "off_welcome",
        "Bienvenue : 10 % sur la première commande",
        "Welcome: 10 % off the first order",
        [{"type": "percent_off", "percent": 1000, "cap": 500}],
        {"type": "first_purchase"},
        stacking={"priority": 50},
        limits=[{"of": "uses", "cap": 1, "per": "customer"}],
    ),
    offer(
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
    offer(
        "off_macaron_four",
        "Quatre macarons, le moins cher offert",
        "Four macarons, the cheapest one free",
        [{"type": "buy_x_get_y", "items": {"categories": ["Pâtisserie/Macarons"]}, "buy": 3, "get": 1, "times": 5}],
        stacking={"priority": 30, "group": "macarons"},
    ),
    offer(
        "off_tea_time",
        "À l'heure du thé : 20 % sur les boissons chaudes",
        "Tea time: 20 % off hot drinks",
        [percent_on(2000, "Boissons/Chaudes")],
        {"type": "weekly", "windows": [{"days": [1, 2, 3, 4, 5, 6, 7], "start": "15:00", "end": "18:00"}]},
        stacking={"priority": 20},
    ),
    offer(
        "off_free_coffee",
        "Un café offert dès 25 €",
        "A free coffee above 25 €",
        [{"type": "free_item", "items": {"products": [gtin(40)]}}],
        {"type": "subtotal", "min": 2500},
        stacking={"priority": 20},
    ),
    offer(
        "off_big_basket",
        "8 % dès 40 € d'achat",
        "8 % off from 40 €",
        [{"type": "percent_off", "percent": 800}],
        {"type": "subtotal", "min": 4000},
        stacking={"priority": 10},
        limits=[{"of": "money", "cap": 50_000, "per": "total", "period": "month"}],
    ),
    offer(
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
    gold_points(),
    offer(
        "off_birthday",
        "Un éclair offert la semaine de votre anniversaire",
        "A free éclair in your birthday week",
        [{"type": "free_item", "items": {"categories": ["Pâtisserie/Éclairs"]}}],
        {"type": "birthday", "before": 3, "after": 3},
        limits=[{"of": "uses", "cap": 1, "per": "customer", "period": "month"}],
    ),
    offer(
        "off_code",
        "Code MACARON : 2 € de remise",
        "Code MACARON: 2 € off",
        [{"type": "amount_off", "amount": 200}],
        {"type": "code", "any_of": ["MACARON"]},
        limits=[{"of": "uses", "cap": 1, "per": "customer"}],
    ),
    reward(5, points=100),
    offer(
        "off_come_back",
        "Revenez : 5 % de cagnotte sur votre visite",
        "Come back: 5 % of your visit as store credit",
        [{"type": "cashback", "percent": 500, "cap": 300}],
        {"type": "nth_visit", "n": 3, "every": True},
    ),
    offer(
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
)

FRIEND = offer(
    "off_friend",
    "Un ami vous envoie : 3 € de remise",
    "Sent by a friend: 3 € off",
    [{"type": "amount_off", "amount": 300}],
    {"type": "segment", "any_of": ["coupon:off_friend"]},
    {"type": "subtotal", "min": 1000},
)

CAMPAIGN = campaign(
    "La quinzaine des éclairs",
    "Éclairs : 15 % de remise",
    "Éclairs: 15 % off",
    percent_on(1500, "Pâtisserie/Éclairs"),
    cap=30_000,
)
