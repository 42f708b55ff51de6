"""/docs from files on this machine.

FastAPI's own page loads Swagger UI from a content delivery network, which tells a third
party who reads it and shows nothing offline. The package fastapi-swagger carries the files;
none of its code runs.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

_ASSETS_PATH = "/docs/assets"
router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    root = request.scope.get("root_path", "").rstrip("/")
    assets = root + _ASSETS_PATH
    return get_swagger_ui_html(
        openapi_url=f"{root}{request.app.openapi_url}",
        title=request.app.title,
        swagger_js_url=f"{assets}/swagger-ui-bundle.js",
        swagger_css_url=f"{assets}/swagger-ui.css",
        swagger_favicon_url=f"{assets}/favicon-32x32.png",
    )


def _assets() -> Path:
    spec = find_spec("fastapi_swagger")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("The package fastapi-swagger, which /docs needs, is not installed.")
    return Path(spec.submodule_search_locations[0]) / "resources"


def add_docs(app: FastAPI) -> None:
    """Add the page and its assets.

    Raises:
        ImportError: the package with the assets is not installed.
    """
    app.mount(_ASSETS_PATH, StaticFiles(directory=_assets()), name="docs assets")
    app.include_router(router)
