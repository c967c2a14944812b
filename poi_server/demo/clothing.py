"""The demo clothing shop, Atelier Garance: sizes and colours in two stores and a central stock, and its people."""

from typing import Any

from poi_server.demo.plan import (
    Clerk,
    DemoShop,
    Json,
    Ordered,
    Trade,
    Ware,
    campaign,
    gold_points,
    gtin,
    offer,
    percent_on,
    reward,
    texts,
)

STORES: tuple[Json, ...] = (
    {
        "name": "Atelier Garance, Lyon",
        "address": "18 rue Auguste-Comte, 69002 Lyon",
        "lat": 45.7541,
        "lon": 4.8295,
        "zone": "Europe/Paris",
        "regions": ["FR", "FR-69"],
    },
    {
        "name": "Atelier Garance, Annecy",
        "address": "7 rue Filaterie, 74000 Annecy",
        "lat": 45.8993,
        "lon": 6.1268,
        "zone": "Europe/Paris",
        "regions": ["FR", "FR-74"],
    },
)
STATIONS = ((0, "Caisse"), (0, "Tablette"), (1, "Tablette Annecy"))


def _sizes(
    number: int,
    family: str,
    french: tuple[str, str],
    english: tuple[str, str],
    category: str,
    price: int,
    cost: int,
    drawing: tuple[Any, ...],
    sizes: dict[str, tuple[int, ...]],
    *,
    colour: str = "",
    weight: float = 1,
) -> list[Ware]:
    """A product and its variants by size; of each its stock at central and at the stores."""
    shared: Json = {"category": category, "brand": "Garance", "unit_price": price, "vat_rate": 2000, "cost": cost}
    words = texts(french, english)
    parent = Ware(sheet={"code": family, "label": french[0], "active": False, "texts": words} | shared)
    told = {"couleur": colour} if colour else {}
    made = [parent]
    for place, (size, stock) in enumerate(sizes.items()):
        code = gtin(number + place)
        own = {"code": code, "gtin": code, "label": f"{french[0]}, {size}", "parent": family, "low_stock": 1000}
        labels = texts((f"{french[0]}, {size}", french[1]), (f"{english[0]}, {size}", english[1]))
        sheet = shared | own | {"attributes": {"taille": size} | told, "texts": labels}
        made.append(Ware(sheet=sheet, drawing=drawing, stock=stock, weight=weight))
    return made


def _one(
    number: int,
    french: tuple[str, str],
    english: tuple[str, str],
    price: int,
    cost: int,
    drawing: tuple[Any, ...],
    stock: tuple[int, ...],
    weight: float = 1,
) -> Ware:
    code = gtin(number)
    sheet: Json = {"code": code, "gtin": code, "label": french[0], "category": "Accessoires", "brand": "Garance"}
    sheet |= {"unit_price": price, "vat_rate": 2000, "cost": cost, "texts": texts(french, english), "low_stock": 2000}
    return Ware(sheet=sheet, drawing=drawing, stock=stock, weight=weight)


WARES = (
    *_sizes(
        300,
        "ROBE-GARANCE",
        ("Robe Garance", "Viscose fluide, taille marquée, longueur au genou. Lavage à 30 °C."),
        ("Garance dress", "Flowing viscose, a marked waist, down to the knee. Wash at 30 °C."),
        *("Femme/Robes", 8900, 3100, ("dress", "#a33b4a", "#7d2735")),
        {"36": (9, 3, 2), "38": (12, 4, 1), "40": (14, 0, 0), "42": (8, 2, 3), "44": (5, 1, 0)},
        colour="garance",
        weight=1.2,
    ),
    *_sizes(
        310,
        "CHEMISE-CIEL",
        ("Chemise Ciel", "Popeline de coton, coupe droite."),
        ("Sky shirt", "Cotton poplin, a straight cut."),
        *("Homme/Chemises", 5900, 1900, ("shirt", "#dfe8f2", "#b7c6d8")),
        {"S": (10, 4, 3), "M": (18, 6, 4), "L": (16, 5, 2), "XL": (8, 0, 2)},
        colour="ciel",
        weight=1.4,
    ),
    *_sizes(
        320,
        "PANTALON-INDIGO",
        ("Pantalon Indigo", "Denim brut tissé dans les Vosges."),
        ("Indigo trousers", "Raw denim woven in the Vosges."),
        *("Homme/Pantalons", 9900, 3600, ("trousers", "#2f4a6d", "#203650")),
        {"38": (8, 2, 2), "40": (12, 5, 3), "42": (12, 4, 2), "44": (6, 1, 1)},
        colour="indigo",
        weight=1.1,
    ),
    *_sizes(
        330,
        "PULL-CAMEL",
        ("Pull Camel", "Laine mérinos, point torsadé."),
        ("Camel pullover", "Merino wool in cable stitch."),
        *("Femme/Mailles", 7900, 2800, ("pullover", "#c9a36a", "#a47f47")),
        {"S": (9, 3, 2), "M": (14, 5, 3), "L": (9, 2, 0)},
        colour="camel",
        weight=1.3,
    ),
    _one(
        340,
        ("Écharpe Sapin", "Laine d'agneau, deux mètres."),
        ("Pine scarf", "Lambswool, two metres long."),
        *(3900, 1200, ("scarf", "#2f5d57", "#e8d9b0"), (25, 7, 5), 2.2),
    ),
    _one(
        341,
        ("Cabas de toile", "Toile de coton épaisse, anses de cuir."),
        ("Canvas bag", "Heavy cotton canvas with leather handles."),
        *(4500, 1500, ("bag", "#e9dfc8", "#8a6a42"), (30, 8, 6), 1.8),
    ),
    _one(
        342,
        ("Ceinture de cuir", "Cuir tanné végétal, boucle de laiton."),
        ("Leather belt", "Vegetable-tanned leather with a brass buckle."),
        *(4900, 1600, ("belt", "#7a4a2a", "#c9a94f"), (20, 5, 4), 1.5),
    ),
)

OFFERS: tuple[Json, ...] = (
    offer(
        "off_welcome",
        "Bienvenue : 5 % sur le premier achat",
        "Welcome: 5 % off the first purchase",
        [{"type": "percent_off", "percent": 500, "cap": 1000}],
        {"type": "first_purchase"},
        limits=[{"of": "uses", "cap": 1, "per": "customer"}],
    ),
    offer(
        "off_accessory",
        "Un accessoire à 20 % dès 80 € d'achat",
        "20 % off an accessory from 80 €",
        [percent_on(2000, "Accessoires")],
        {"type": "subtotal", "min": 8000},
        stacking={"priority": 20},
    ),
    offer(
        "off_belt",
        "La ceinture avec le pantalon : 10 € de moins",
        "The belt with the trousers: 10 € off",
        [{"type": "amount_off", "amount": 1000}],
        {
            "type": "bundle",
            "of": [{"items": {"categories": ["Homme/Pantalons"]}}, {"items": {"products": [gtin(342)]}}],
        },
        stacking={"priority": 30},
    ),
    gold_points(),
    reward(10, points=200),
)

CAMPAIGN = campaign(
    "La maille d'hiver",
    "Mailles : 10 % de remise",
    "Knitwear: 10 % off",
    percent_on(1000, "Femme/Mailles"),
    cap=60_000,
)

CARDS = {
    "LOY-NADIA": {"display_name": "Nadia Benali", "birthday": "1988-05-21", "language": "fr"},
    "LOY-CLARA": {"display_name": "Clara Vidal", "birthday": "1993-09-08", "language": "fr"},
    "LOY-TOM": {"display_name": "Tom Wright", "language": "en"},
    "LOY-YANIS": {"display_name": "Yanis Robin", "language": "fr"},
}

STAFF = (
    Clerk(pin="4826", person={"name": "Garance Faure", "role": "manager"}),
    Clerk(pin="7391", person={"name": "Léo Girard", "role": "seller", "refund_limit": 3000}),
    Clerk(pin="6150", person={"name": "Sofia Marchetti", "role": "seller", "take_payment": False}),
    Clerk(pin="9053", person={"name": "Paul Roche", "role": "auditor"}),
)

ORDERS = (
    Ordered(
        card="LOY-CLARA",
        entries=((gtin(331), 1),),
        name="Clara Vidal",
        when=(1, "15:00"),
        moves=("preparing", "ready"),
        paid=True,
    ),
    Ordered(
        card="LOY-TOM",
        entries=((gtin(312), 1), (gtin(340), 1)),
        name="Tom Wright",
        address={
            "name": "Tom Wright",
            "country_code": "FR",
            "street_address": "5 place Bellecour",
            "postal_code": "69002",
            "city": "Lyon",
        },
        when=(2, "10:00"),
        moves=("preparing",),
    ),
)

CLOTHING = DemoShop(
    merchant="Atelier Garance",
    vat_rate=2000,
    stores=STORES,
    stations=STATIONS,
    wares=WARES,
    staff=STAFF,
    cards=CARDS,
    offers=OFFERS,
    campaign=CAMPAIGN,
    trade=Trade(
        sales=((0, 11, 12, 13, 15, 22, 0), (0, 9, 10, 11, 12, 18, 0)),
        hours={10: 1.2, 11: 1.8, 12: 2, 13: 1.6, 14: 0.35, 15: 0.35, 16: 1.8, 17: 2.2, 18: 1.8, 19: 1},
        lines=(1, 1, 1, 2, 2, 3),
        every=(9, 12, 14, 18, 25),
        beside=((gtin(321), gtin(342), 0.4, 24), (gtin(331), gtin(340), 0.35, 24)),
    ),
    orders=ORDERS,
)
