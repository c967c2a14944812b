"""Distances and rings on the globe."""

from math import isclose, pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poi_offers.eligibility import judge
from poi_offers.geo import EARTH_RADIUS, chord, distance, in_polygon, locate, unit_vector
from poi_offers.offer_conditions import Circle
from poi_offers.situation import Place
from tests.offers.scenes import at

lats = st.floats(-90, 90)
lons = st.floats(-180, 180)
SQUARE = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0), (0.0, 0.0))
HOLE = ((4.0, 4.0), (6.0, 4.0), (6.0, 6.0), (4.0, 6.0), (4.0, 4.0))
FIJI = ((177.0, -20.0), (-178.0, -20.0), (-178.0, -15.0), (177.0, -15.0), (177.0, -20.0))
LAGOON = ((179.5, -18.0), (-179.5, -18.0), (-179.5, -17.0), (179.5, -17.0), (179.5, -18.0))


@pytest.mark.parametrize(
    ("one", "two", "metres"),
    [
        ((48.8566, 2.3522), (51.5074, -0.1278), 343_556),  # Paris - London
        ((0, 179.5), (0, -179.5), 111_195),  # across the antimeridian
        ((90, 0), (90, 137), 0),  # one pole, however its longitude is written
        ((89, 0), (89, 180), 222_390),  # across the pole
        ((0, 0), (0, 180), pi * EARTH_RADIUS),
        ((90, 0), (-90, 0), pi * EARTH_RADIUS),
    ],
)
def test_great_circle_metres(one: tuple[float, float], two: tuple[float, float], metres: float) -> None:
    assert distance(*one, *two) == pytest.approx(metres, abs=1)


@given(lats, lons, lats, lons)
def test_distance_is_symmetric_and_at_most_half_round(lat1: float, lon1: float, lat2: float, lon2: float) -> None:
    metres = distance(lat1, lon1, lat2, lon2)
    assert 0 <= metres <= pi * EARTH_RADIUS * (1 + 1e-12)
    assert isclose(metres, distance(lat2, lon2, lat1, lon1), rel_tol=1e-9, abs_tol=1e-6)


@given(lats, lons, lats, lons)
def test_the_chord_measures_the_same_distance(lat1: float, lon1: float, lat2: float, lon2: float) -> None:
    one, two = unit_vector(lat1, lon1), unit_vector(lat2, lon2)
    straight = sum((a - b) ** 2 for a, b in zip(one, two, strict=True)) ** 0.5
    assert abs(chord(distance(lat1, lon1, lat2, lon2)) - straight) < 1e-14


def circle(centre_lat: float, centre_lon: float, radius: float, lat: float, lon: float) -> bool | None:
    return judge(
        Circle(lat=centre_lat, lon=centre_lon, radius=radius), at(place=Place(zone="UTC", lat=lat, lon=lon))
    ).truth


def test_a_circle_over_a_pole_takes_in_every_longitude() -> None:
    assert all(circle(90, 0, 56_000, 89.5, lon) for lon in range(-180, 181, 45))
    assert circle(89.9, 0, 22_300, 89.9, 180)
    assert not circle(89.9, 0, 22_200, 89.9, 180)


def test_a_circle_across_the_antimeridian() -> None:
    assert circle(-17, 179.99, 2200, -17, -179.99)
    assert not circle(-17, 179.99, 2100, -17, -179.99)


@pytest.mark.parametrize(
    ("lon", "lat", "inside"),
    [
        (5, 2, True),
        (5, 5, False),  # in the hole
        (4, 5, True),  # on the hole's edge
        (4, 4, True),  # on its corner
        (0, 5, True),  # on the border
        (10, 10, True),  # on its corner
        (10.000001, 5, False),
        (-5, 0, False),  # in line with an edge
        (-5, 10, False),
    ],
)
def test_in_a_square_with_a_hole(lon: float, lat: float, inside: bool) -> None:
    assert in_polygon(lat, lon, (SQUARE, HOLE)) is inside


@pytest.mark.parametrize(
    ("lon", "lat", "inside"),
    [
        (178, -17, True),
        (-179, -19, True),
        (180, -16, True),
        (-180, -16, True),
        (180, -17.5, False),  # in the lagoon, from either side
        (-180, -17.5, False),
        (-177, -17, False),
        (0, -17, False),
    ],
)
def test_across_the_antimeridian(lon: float, lat: float, inside: bool) -> None:
    assert in_polygon(lat, lon, (FIJI, LAGOON)) is inside


@given(st.integers(-1000, 1000), st.integers(1, 1000), st.integers(0, 1000))
def test_points_on_a_slanting_edge_are_on_it(x: int, y: int, share: int) -> None:
    """Exact, because dyadic fractions are: no tolerance hides a wrong side."""
    ring = ((0.0, 0.0), (x / 1024, y / 1024), (0.0, y / 512), (-2.0, 0.5), (0.0, 0.0))
    part = (share % 1024) / 1024
    assert locate(x / 1024 * part, y / 1024 * part, ring) == 0


def test_a_spike_through_vertices_is_counted_once() -> None:
    diamond = ((0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))
    assert [locate(x, 0.0, diamond) for x in (-1.5, -1.0, 0.0, 1.0, 1.5)] == [-1, 0, 1, 0, -1]
