"""The demo pastry shop, Maison Colette: two stores, macarons, boxes, cakes, and the people around them."""

from typing import Any

from poi_server.demo.offers import CAMPAIGN, FRIEND, OFFERS
from poi_server.demo.plan import Clerk, DemoShop, Json, Ordered, Trade, Ware, gtin, texts

STORES: tuple[Json, ...] = (
    {
        "name": "Maison Colette, rue Cler",
        "address": "29 rue Cler, 75007 Paris",
        "lat": 48.8566,
        "lon": 2.3059,
        "zone": "Europe/Paris",
        "regions": ["FR", "FR-75"],
    },
    {
        "name": "Maison Colette, quai de Valmy",
        "address": "71 quai de Valmy, 75010 Paris",
        "lat": 48.8716,
        "lon": 2.3655,
        "zone": "Europe/Paris",
        "regions": ["FR", "FR-75"],
    },
)
STATIONS = ((0, "Comptoir"), (0, "Livraisons"), (1, "Valmy"))
BOXES = "COFFRET-MACARONS"
"""The family of the boxes: nothing that is sold itself."""


def _ware(
    number: int,
    french: tuple[str, str],
    english: tuple[str, str],
    category: str,
    price: int,
    cost: int,
    drawing: tuple[Any, ...],
    *,
    vat: int = 550,
    stock: tuple[int, ...] = (),
    weight: float = 1,
    pieces: tuple[int, ...] = (1,),
    **more: Any,
) -> Ware:
    sheet: Json = {"code": gtin(number), "gtin": gtin(number), "label": french[0], "category": category}
    sheet |= {"brand": "Colette", "unit_price": price, "vat_rate": vat, "cost": cost, "texts": texts(french, english)}
    return Ware(sheet=sheet | more, drawing=drawing, stock=stock, weight=weight, pieces=pieces)


def _macaron(number: int, french: str, english: str, price: int, cost: int, weight: float, *colours: str) -> Ware:
    return _ware(
        number,
        (f"Macaron {french}", "Coques à l'amande, garnies le matin même. Contient : amande, œuf, lait."),
        (f"{english} macaron", "Almond shells, filled this morning. Contains almond, egg, milk."),
        "Pâtisserie/Macarons",
        price,
        cost,
        ("macaron", *colours),
        weight=weight,
        pieces=(1, 2, 4, 4, 6),
        content=1000,
        content_unit="piece",
    )


def _box(number: int, count: int, price: int, cost: int, stock: tuple[int, ...], weight: float) -> Ware:
    return _ware(
        number,
        (
            f"Coffret de {count} macarons",
            "Un assortiment de nos parfums, dans sa boîte. Se garde trois jours au frais.",
        ),
        (f"Box of {count} macarons", "A choice of our flavours in a box. Keeps three days in a cool place."),
        "Pâtisserie/Coffrets",
        price,
        cost,
        ("box", count, ("#e9c7cf", "#e3b7a2", "#b9cf8e", "#f3e3b8", "#d89a68", "#8d5a3c")),
        stock=stock,
        weight=weight,
        parent=BOXES,
        attributes={"pièces": str(count)},
        content=count * 1000,
        content_unit="piece",
        low_stock=4000,
    )


FAMILY = Ware(
    sheet={
        "code": BOXES,
        "label": "Coffret de macarons",
        "category": "Pâtisserie/Coffrets",
        "brand": "Colette",
        "unit_price": 1250,
        "vat_rate": 550,
        "active": False,
        "texts": texts(("Coffret de macarons", "De 6 à 24 macarons."), ("Box of macarons", "From 6 to 24 macarons.")),
    }
)

WARES = (
    FAMILY,
    _macaron(1, "vanille", "Vanilla", 220, 60, 3, "#f3e3b8", "#d9c38d", "#fff6dc"),
    _macaron(2, "pistache", "Pistachio", 240, 75, 3, "#b9cf8e", "#94ad64", "#e4edca"),
    _macaron(3, "framboise", "Raspberry", 220, 62, 3, "#d9536f", "#b03a55", "#f6d3d9"),
    _macaron(4, "caramel beurre salé", "Salted caramel", 230, 66, 4, "#d89a68", "#b4763f", "#f2dcc0"),
    _box(10, 6, 1250, 420, (60, 14, 9), 2),
    _box(11, 12, 2390, 800, (40, 8, 5), 1.5),
    _box(12, 24, 4490, 1560, (20, 2, 0), 0.4),
    _ware(
        20,
        ("Éclair au café", "Pâte à choux, crème au café, glaçage brillant."),
        ("Coffee éclair", "Choux pastry, coffee cream, a glossy icing."),
        *("Pâtisserie/Éclairs", 480, 140, ("eclair", "#b08055", "#e6cda8")),
        weight=2,
    ),
    _ware(
        21,
        ("Éclair au chocolat", "Pâte à choux, crème au chocolat noir."),
        ("Chocolate éclair", "Choux pastry, dark chocolate cream."),
        *("Pâtisserie/Éclairs", 480, 145, ("eclair", "#5b3320", "#b07a50")),
        weight=3,
    ),
    _ware(
        22,
        ("Tarte au citron", "Citrons de Menton, pâte sablée."),
        ("Lemon tart", "Lemons from Menton on shortcrust pastry."),
        *("Pâtisserie/Tartes", 560, 170, ("tart", "#f5d547", "#fdf3b8", "#fbeaa0")),
        weight=2,
    ),
    _ware(
        23,
        ("Paris-brest", "Une couronne au praliné, comme il se doit."),
        ("Paris-brest", "A ring of choux pastry with praline cream."),
        *("Pâtisserie/Gâteaux", 620, 210, ("ring", "#c98a44", "#e6c79a")),
        weight=1.5,
    ),
    _ware(
        24,
        ("Fraisier, la part", "Fraises et crème mousseline, par personne."),
        ("Strawberry cake, a slice", "Strawberries and mousseline cream, for one."),
        *("Pâtisserie/Gâteaux", 650, 230, ("slice", "#e8c887", "#fff6e6", "#d13b45")),
        weight=1.5,
    ),
    _ware(
        30,
        ("Croissant", "Beurre de Charentes-Poitou."),
        ("Croissant", "With butter from Charentes-Poitou."),
        *("Viennoiserie", 140, 45, ("croissant",)),
        weight=5,
        pieces=(1, 1, 2, 3),
    ),
    _ware(
        31,
        ("Pain au chocolat", "Deux barres de chocolat noir."),
        ("Pain au chocolat", "With two bars of dark chocolate."),
        *("Viennoiserie", 160, 52, ("roll", "#d9963f", "#4a2a1a")),
        weight=4,
        pieces=(1, 1, 2, 2),
    ),
    _ware(
        40,
        ("Café allongé", "Arabica d'Éthiopie."),
        ("Long coffee", "Arabica from Ethiopia."),
        *("Boissons/Chaudes", 240, 40, ("cup", "#4a2a1a", "#c9503f", "#c08f61")),
        vat=1000,
        weight=2,
    ),
    _ware(
        41,
        ("Thé vert sencha", "Servi en théière."),
        ("Sencha green tea", "Served in a pot."),
        *("Boissons/Chaudes", 380, 60, ("cup", "#b9c56a", "#5f8f86", "#d9e09a")),
        vat=1000,
    ),
    _ware(
        42,
        ("Chocolat chaud", "Chocolat à 70 %, lait entier."),
        ("Hot chocolate", "70 % chocolate and whole milk."),
        *("Boissons/Chaudes", 420, 90, ("cup", "#5b3320", "#e2b04a", "#8d5a3c")),
        vat=1000,
        weight=1.5,
    ),
    _ware(
        50,
        ("Calissons au détail", "Amandes et melon confit, au poids."),
        ("Calissons by weight", "Almonds and candied melon."),
        *("Confiserie", 4800, 1900, ("sweets", "#fffdf6", "#d8a25c")),
        unit="kg",
    ),
    _ware(
        51,
        ("Confiture d'abricot, 250 g", "Abricots du Roussillon, cuits au chaudron."),
        ("Apricot jam, 250 g", "Apricots from Roussillon."),
        *("Épicerie/Confitures", 690, 260, ("jar", "#d9822b", "#7a4a2a")),
        stock=(48, 10, 3),
        weight=0.7,
        content=250_000,
        content_unit="g",
        low_stock=4000,
    ),
    _ware(
        52,
        ("Confiture de framboise, 370 g", "Framboises entières, peu de sucre."),
        ("Raspberry jam, 370 g", "Whole raspberries, little sugar."),
        *("Épicerie/Confitures", 890, 340, ("jar", "#a3304a", "#6b1f31")),
        stock=(36, 6, 8),
        weight=0.7,
        content=370_000,
        content_unit="g",
        low_stock=4000,
    ),
)


CARDS = {
    "LOY-CAMILLE": {"display_name": "Camille Martin", "birthday": "1990-03-14", "language": "fr"},
    "LOY-SAMIR": {"display_name": "Samir Haddad", "birthday": "1985-11-23", "language": "fr"},
    "LOY-EMMA": {"display_name": "Emma Clarke", "birthday": "1996-07-02", "language": "en"},
    "LOY-LUCAS": {"display_name": "Lucas Bernard", "language": "fr"},
    "LOY-INES": {"display_name": "Inès Moreau", "language": "fr"},
}

STAFF = (
    Clerk(pin="4826", person={"name": "Colette Durand", "role": "manager"}),
    Clerk(pin="7391", person={"name": "Hugo Petit", "role": "seller", "refund_limit": 2000}),
    Clerk(pin="6150", person={"name": "Amina Saïdi", "role": "seller"}),
    Clerk(pin="9053", person={"name": "Paul Roche", "role": "auditor"}),
)


def _home(name: str, street: str, postal_code: str, phone: str) -> Json:
    place = {"country_code": "FR", "street_address": street, "postal_code": postal_code, "city": "Paris"}
    return {"name": name, "phone": phone} | place


ORDERS = (
    Ordered(
        card="LOY-CAMILLE",
        entries=((gtin(11), 1), (gtin(22), 2)),
        name="Camille Martin",
        address=_home("Camille Martin", "14 rue de Grenelle", "75007", "+33 1 99 00 11 22"),
        note="Deuxième étage, code 12A4",
        moves=("preparing",),
    ),
    Ordered(
        card="LOY-SAMIR",
        entries=((gtin(24), 6),),
        name="Samir Haddad",
        when=(1, "11:00"),
        note="Une bougie, s'il vous plaît",
        paid=True,
    ),
    Ordered(
        card="LOY-INES",
        entries=((gtin(10), 2),),
        name="Inès Moreau",
        address=_home("Inès Moreau", "3 rue Saint-Dominique", "75007", "+33 1 99 00 33 44"),
        moves=("preparing", "ready", "on_the_way"),
    ),
    Ordered(card="LOY-LUCAS", entries=((gtin(30), 12), (gtin(31), 6)), name="Lucas Bernard", when=(2, "08:30")),
    Ordered(
        card="LOY-EMMA",
        entries=((gtin(23), 4),),
        name="Emma Clarke",
        moves=("preparing", "ready"),
        channel="counter",
    ),
)

PASTRY = DemoShop(
    merchant="Maison Colette",
    vat_rate=550,
    stores=STORES,
    stations=STATIONS,
    wares=WARES,
    staff=STAFF,
    cards=CARDS,
    offers=OFFERS,
    friend=FRIEND,
    campaign=CAMPAIGN,
    trade=Trade(
        sales=((0, 13, 14, 15, 17, 22, 18), (10, 0, 12, 12, 14, 19, 16)),
        hours={8: 2, 9: 2.5, 10: 2, 11: 2, 12: 2.5, 13: 1.8, 14: 0.35, 15: 0.35, 16: 1.6, 17: 2, 18: 2.2, 19: 1.2},
        lines=(1, 1, 2, 2, 3, 4),
        every=(3, 4, 5, 6, 7, 9, 12),
        beside=((gtin(30), gtin(40), 0.45, 12), (gtin(11), gtin(51), 0.3, 24), (gtin(22), gtin(41), 0.35, 24)),
    ),
    orders=ORDERS,
)
