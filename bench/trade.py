"""What is bought during a run: baskets of the public data set where it is installed, else generated ones."""

import random
from dataclasses import dataclass
from itertools import islice

from poi_engine.goods.products import line_of
from poi_offers.situation import Basket, SaleItem
from poi_server.demo_data import DemoDataAbsent, read_journey
from poi_server.demo_data.goods import products_of
from poi_server.demo_data.journey import Journey
from poi_server.demo_data.load import prices_of

BASKETS = 300
_DEPARTMENTS = ("pastry", "drink", "viennoiserie", "sweets", "grocery", "dairy", "fruit", "bakery")


@dataclass(frozen=True, slots=True)
class Trade:
    """Articles and baskets of them; `source` says where they come from."""

    articles: tuple[SaleItem, ...]
    baskets: tuple[Basket, ...]
    source: str


def trade(currency: str = "EUR") -> Trade:
    """Baskets to replay."""
    try:
        journey = read_journey("small")
    except DemoDataAbsent:
        return _generated(currency)
    return _real(journey, currency)


def _real(journey: Journey, currency: str) -> Trade:
    products = products_of(journey.articles, prices_of(journey))
    lines = {int(product.code[2:12]): line_of(product, "1", 1000) for product in products}
    baskets = []
    for visit in islice(journey.visits(), BASKETS):
        items = [
            _copy(lines[purchase.product_id], number, min(purchase.quantity, 20))
            for number, purchase in enumerate(visit.purchases, 1)
        ]
        baskets.append(Basket(currency=currency, items=tuple(items)))
    articles = {item.code: item for basket in baskets for item in basket.items}
    return Trade(tuple(articles.values()), tuple(baskets), "baskets of The Complete Journey")


def _generated(currency: str) -> Trade:
    dice = random.Random(5)
    articles = tuple(
        SaleItem(
            line_id="1",
            label=f"Article {number}",
            unit_price=dice.randrange(80, 2_000),
            code=f"code-{number}",
            category=f"{dice.choice(_DEPARTMENTS)}/{dice.randrange(10)}",
            brand=f"brand-{dice.randrange(40)}",
        )
        for number in range(500)
    )
    baskets = [
        Basket(
            currency=currency,
            items=tuple(
                _copy(article, number, dice.choice((1, 1, 1, 2, 3)))
                for number, article in enumerate(dice.sample(articles, dice.randrange(1, 12)), 1)
            ),
        )
        for _ in range(BASKETS)
    ]
    return Trade(articles, tuple(baskets), "generated baskets (install the [demo] extra for real-shaped ones)")


def _copy(article: SaleItem, number: int, pieces: int) -> SaleItem:
    return SaleItem(
        line_id=str(number),
        label=article.label,
        unit_price=article.unit_price,
        quantity=1000 * pieces,
        code=article.code,
        category=article.category,
        brand=article.brand,
        vat_rate=article.vat_rate,
    )
