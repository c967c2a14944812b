"""The pages' routes: HTML shells in the visitor's language, static files, the web manifest and the service worker."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import cache
from typing import Any

import msgspec
from aiohttp import hdrs, web
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from poi_engine.principal import Role
from poi_server.http import ANYONE, COUNTER, OWNER, PHONE, Call, Routes
from poi_server.i18n import LANGUAGE_COOKIE, choose_language, text
from poi_server.pages.assets import Asset, Assets, load_assets

routes = Routes("pages")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types poi"
)
SHELL_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Permissions-Policy": "camera=(self), geolocation=(self), screen-wake-lock=(self), microphone=(), payment=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Vary": "Accept-Language, Cookie",
}
SHEETS: Mapping[str, str] = {"pair": "home", "join": "home"}
MODULES = ("dom", "i18n", "api", "ui")
_IMMUTABLE = "public, max-age=31536000, immutable"
Shell = Callable[..., Awaitable[web.Response]]


@cache
def _assets() -> Assets:
    return load_assets()


@cache
def _templates() -> Environment:
    loader = PackageLoader("poi_server.pages", "templates")
    return Environment(loader=loader, autoescape=select_autoescape(), undefined=StrictUndefined, trim_blocks=True)


def _page(path: str, page: str, roles: Collection[Role], summary: str) -> None:
    """Register a shell. It holds no data: what it shows comes from the API, which asks who it is."""
    shell = _station_shell(page) if "{station_id}" in path else _shell(page)
    shell.__name__ = f"{page}_page"
    routes.get(path, roles=roles, summary=summary, page=True, produces="text/html")(shell)


def _shell(page: str) -> Shell:
    async def shell(call: Call) -> web.Response:
        return _render(call, page, "")

    return shell


def _station_shell(page: str) -> Shell:
    async def shell(call: Call, station_id: str) -> web.Response:
        return _render(call, page, station_id)

    return shell


def _render(call: Call, page: str, station_id: str) -> web.Response:
    language = _language(call.request)
    body = _templates().get_template(f"{page}.html").render(_context(page, language, station_id))
    return web.Response(text=body, content_type="text/html", headers={**SHELL_HEADERS, "Content-Language": language})


_page("/", "home", ANYONE, "The page to sign in and choose from")
_page("/pair", "pair", ANYONE, "The page that uses the pairing code after the #")
_page("/c/{station_id}", "join", ANYONE, "The page a phone opens from a station's code")
_page("/station/{station_id}", "station", COUNTER, "The counter")
_page("/me", "me", PHONE, "The customer's own page")
_page("/dashboard", "dashboard", OWNER, "The merchant's figures")
_page("/offers", "offers", OWNER, "The merchant's offers")


def _context(page: str, language: str, station_id: str) -> dict[str, Any]:
    return {
        "page": page,
        "sheet": SHEETS.get(page, page),
        "modules": MODULES,
        "language": language,
        "static": f"/static/{_assets().version}",
        "station_id": station_id,
        "t": lambda key, **values: text(language, key, **values),
    }


def _language(request: web.Request) -> str:
    return choose_language(request.cookies.get(LANGUAGE_COOKIE), request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))


@routes.get("/static/{version}/{name:.+}", roles=ANYONE, page=True, produces="*/*", summary="A file of the pages")
async def static_file(call: Call, version: str, name: str) -> web.Response:
    """Below the current version's name a file may be kept for ever."""
    assets = _assets()
    asset = assets.files.get(name)
    if asset is None:
        raise web.HTTPNotFound
    return _answer(call.request, asset, _IMMUTABLE if version == assets.version else "no-cache")


def _answer(request: web.Request, asset: Asset, cache_control: str) -> web.Response:
    headers = {
        "ETag": f'"{asset.etag}"',
        "Cache-Control": cache_control,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if any(tag.value in (asset.etag, "*") for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    body = asset.body
    if asset.gzipped is not None and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        body, headers["Content-Encoding"] = asset.gzipped, "gzip"
    charset = None if asset.content_type.startswith("image/png") else "utf-8"
    return web.Response(body=body, content_type=asset.content_type, charset=charset, headers=headers)


@routes.get("/sw.js", roles=ANYONE, page=True, produces="text/javascript", summary="The pages' service worker")
async def service_worker(call: Call) -> web.Response:
    """At the root, so that its scope is the whole site; its version is that of the static files."""
    source = _assets().files["js/sw.js"].body.replace(b"__VERSION__", _assets().version.encode())
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=source, content_type="text/javascript", charset="utf-8", headers=headers)


@routes.get(
    "/manifest.webmanifest", roles=ANYONE, page=True, produces="application/manifest+json", summary="The web manifest"
)
async def web_manifest(call: Call, lang: str = "") -> web.Response:
    """What makes the customer's page installable, in the page's language."""
    language = choose_language(lang, call.request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))
    body = msgspec.json.encode(_manifest(language, f"/static/{_assets().version}"))
    return web.Response(body=body, content_type="application/manifest+json", headers={"Cache-Control": "no-cache"})


def _manifest(language: str, static: str) -> dict[str, Any]:
    png = [
        {"src": f"{static}/icons/app-{size}.png", "sizes": f"{size}x{size}", "type": "image/png"} for size in (192, 512)
    ]
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
