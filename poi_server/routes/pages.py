"""The pages' routes: HTML shells in the visitor's language, static files, the web manifest and the service worker."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec
from aiohttp import hdrs, web

from poi_engine.principal import Role
from poi_server.http import ANYONE, COUNTER, MANAGER, PHONE, READER, STAFF, Call, Routes
from poi_server.i18n import LANGUAGE_COOKIE, choose_language, text
from poi_server.pages.assets import Asset, Assets, load_assets
from poi_server.pages.shells import Shells

routes = Routes("pages")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types poi"
)
SHELL_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Permissions-Policy": "camera=(self), geolocation=(self), screen-wake-lock=(self), microphone=(), payment=()",
    "Cache-Control": "no-cache",
    "Vary": "Accept-Language, Cookie",
}
_IMMUTABLE = "public, max-age=31536000, immutable"
Shell = Callable[..., Awaitable[web.Response]]


class Loaded(NamedTuple):
    """What the pages are served from."""

    assets: Assets
    shells: Shells

    @property
    def static(self) -> str:
        """The address below which this version's files are."""
        return f"/static/{self.assets.version}"


@cache
def _load() -> Loaded:
    return Loaded(load_assets(), Shells())


async def _loaded() -> Loaded:
    """The files in memory; read in a thread the first time."""
    return _load() if _load.cache_info().currsize else await asyncio.to_thread(_load)


def _page(path: str, page: str, roles: Collection[Role], summary: str, *, name: str = "") -> None:
    """Register a shell. It holds no data: what it shows comes from the API, which asks who it is."""
    shell = _station_shell(page) if "{station_id}" in path else _shell(page)
    shell.__name__ = f"{name or page}_page"
    routes.get(path, roles=roles, summary=summary, page=True, produces="text/html")(shell)


def _shell(page: str) -> Shell:
    async def shell(call: Call) -> web.Response:
        return await _render(call, page, "")

    return shell


def _station_shell(page: str) -> Shell:
    async def shell(call: Call, station_id: str) -> web.Response:
        return await _render(call, page, station_id)

    return shell


async def _render(call: Call, page: str, station_id: str) -> web.Response:
    loaded = await _loaded()
    chosen, accepted = call.request.cookies.get(LANGUAGE_COOKIE), call.request.headers.get(hdrs.ACCEPT_LANGUAGE, "")
    language = choose_language(chosen, accepted)
    body = loaded.shells.render(page, language, loaded.static, station_id)
    return web.Response(text=body, content_type="text/html", headers={**SHELL_HEADERS, "Content-Language": language})


_page("/", "home", ANYONE, "The page to sign in and choose from")
_page("/pair", "pair", ANYONE, "The page that uses the pairing code after the #")
_page("/c/{station_id}", "join", ANYONE, "The page a phone opens from a station's code")
_page("/join", "join", ANYONE, "The page a friend's link opens on a new phone", name="friend")
_page("/station/{station_id}", "station", COUNTER, "The counter")
_page("/me", "me", PHONE, "The customer's own page")
_page("/dashboard", "dashboard", READER, "The merchant's figures")
_page("/offers", "offers", MANAGER, "The merchant's offers")
_page("/campaigns", "campaigns", MANAGER, "What the figures suggest, campaigns and segments")
_page("/sellers", "sellers", READER, "The staff, and the audit of what they did")
_page("/products", "products", MANAGER, "The merchant's products")
_page("/customers", "customers", STAFF, "The merchant's customers")
_page("/orders", "orders", STAFF, "The orders of the day")
_page("/money", "money", MANAGER, "The tills' days and closings, and what waits for somebody's word")


@routes.get("/static/{version}/{name:.+}", roles=ANYONE, page=True, produces="*/*", summary="A file of the pages")
async def static_file(call: Call, version: str, name: str) -> web.Response:
    """Below the current version's name a file may be kept for ever."""
    assets = (await _loaded()).assets
    asset = assets.files.get(name)
    if asset is None:
        raise web.HTTPNotFound
    return _answer(call.request, asset, _IMMUTABLE if version == assets.version else "no-cache")


def _answer(request: web.Request, asset: Asset, cache_control: str) -> web.Response:
    headers = {"ETag": f'"{asset.etag}"', "Cache-Control": cache_control, "Vary": "Accept-Encoding"}
    if any(tag.value in (asset.etag, "*") for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    body = asset.body
    if asset.gzipped is not None and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        body, headers["Content-Encoding"] = asset.gzipped, "gzip"
    charset = None if asset.content_type == "image/png" else "utf-8"
    return web.Response(body=body, content_type=asset.content_type, charset=charset, headers=headers)


@routes.get("/sw.js", roles=ANYONE, page=True, produces="text/javascript", summary="The pages' service worker")
async def service_worker(call: Call) -> web.Response:
    """At the root, so that its scope is the whole site; its version is that of the static files."""
    assets = (await _loaded()).assets
    source = assets.files["js/sw.js"].body.replace(b"__VERSION__", assets.version.encode())
    return web.Response(
        body=source, content_type="text/javascript", charset="utf-8", headers={"Cache-Control": "no-cache"}
    )


@routes.get(
    "/manifest.webmanifest", roles=ANYONE, page=True, produces="application/manifest+json", summary="The web manifest"
)
async def web_manifest(call: Call, lang: str = "") -> web.Response:
    """What makes the customer's page installable, in the page's language."""
    language = choose_language(lang, call.request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))
    body = msgspec.json.encode(_manifest(language, (await _loaded()).static))
    return web.Response(body=body, content_type="application/manifest+json", headers={"Cache-Control": "no-cache"})


def _manifest(language: str, static: str) -> dict[str, Any]:
    sizes = (192, 512)
    png = [{"src": f"{static}/icons/app-{n}.png", "sizes": f"{n}x{n}", "type": "image/png"} for n in sizes]
    return {
        "id": "/me",
        "name": text(language, "manifest.name"),
        "short_name": text(language, "manifest.short_name"),
        "description": text(language, "manifest.description"),
        "lang": language,
        "start_url": "/me",
        "scope": "/",
        "display": "standalone",
        "background_color": "#f6f4ef",
        "theme_color": "#0c6b58",
        "icons": [
            {"src": f"{static}/icons/app.svg", "sizes": "any", "type": "image/svg+xml"},
            *png,
            {**png[1], "purpose": "maskable"},
        ],
    }
