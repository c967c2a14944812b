"""How the pages are served: policy, language, caching, and nothing without a credential."""

import re

import pytest

from poi_server.pages.shells import modules_of
from tests.server.shop import Shop

pytestmark = pytest.mark.asyncio(loop_scope="session")

NEEDED_OFFLINE = {f"js/{name}" for name in modules_of("me")}
FILES = re.compile(r'(?:href|src)="(/static/[^"#]+|/manifest[^"]*)"')
PAGES = {"/": None, "/pair": None, "/c/sta_x": None, "/me": "phone", "/dashboard": "owner", "/offers": "owner"}


async def test_every_shell_is_strict_and_complete(shop: Shop) -> None:
    """No inline script or style is allowed, and every file a shell names exists."""
    for path, role in PAGES.items():
        answer = await shop.ask("GET", path, role=role)
        assert answer.status == 200, path
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "trusted-types" in policy
        for name in FILES.findall(answer.content.decode()):
            assert (await shop.ask("GET", name, role=None)).status == 200, name


async def test_pages_with_data_send_strangers_to_the_door(shop: Shop) -> None:
    """And remember where they wanted to go."""
    for path in ("/me", "/dashboard", "/offers", f"/station/{shop.station_id}"):
        answer = await shop.ask("GET", path, role=None)
        assert (answer.status, answer.headers["Location"]) == (303, f"/?next={path}")


async def test_a_shell_speaks_the_visitors_language(shop: Shop) -> None:
    """The cookie's choice goes before the browser's wish."""
    french = await shop.ask("GET", "/", role=None, headers={"Accept-Language": "de, fr;q=0.8, en;q=0.3"})
    assert '<html lang="fr"' in french.content.decode()
    wish = {"Accept-Language": "fr", "Cookie": "poi_language=en"}
    assert '<html lang="en"' in (await shop.ask("GET", "/", role=None, headers=wish)).content.decode()


async def test_static_files_are_kept_for_ever_under_their_version(shop: Shop) -> None:
    """Any other version is checked each time; an unchanged file is not sent again; text is compressed."""
    shell = (await shop.ask("GET", "/", role=None)).content.decode()
    address = next(name for name in FILES.findall(shell) if name.endswith("poi.css"))
    fresh = await shop.ask("GET", address, role=None)
    assert "immutable" in fresh.headers["Cache-Control"] and fresh.headers["Content-Type"] == "text/css; charset=utf-8"
    old = re.sub("/static/[^/]+", "/static/older", address)
    stale = await shop.ask("GET", old, role=None, headers={"If-None-Match": fresh.headers["ETag"]})
    assert (stale.status, stale.headers["Cache-Control"], stale.content) == (304, "no-cache", b"")
    for name in ("../../pyproject.toml", "..%2f..%2fpyproject.toml", "assets.py", "templates/base.html"):
        assert (await shop.ask("GET", f"/static/x/{name}", role=None)).status == 404


async def test_the_page_can_be_installed(shop: Shop) -> None:
    """The manifest's icons exist; the worker carries the version and lists only files that exist."""
    manifest = (await shop.ask("GET", "/manifest.webmanifest?lang=fr", role=None)).json
    assert (manifest["start_url"], manifest["lang"]) == ("/me", "fr")
    for icon in manifest["icons"]:
        assert (await shop.ask("GET", icon["src"], role=None)).status == 200
    worker = (await shop.ask("GET", "/sw.js", role=None)).content.decode()
    version = manifest["icons"][0]["src"].split("/")[2]
    assert f'"{version}"' in worker and "__VERSION__" not in worker
    kept = re.findall(r'"((?:css|icons|locale|js)/[^"]+)"', worker)
    assert set(kept) >= NEEDED_OFFLINE
    for name in kept:
        assert (await shop.ask("GET", f"/static/{version}/{name}", role=None)).status == 200, name
