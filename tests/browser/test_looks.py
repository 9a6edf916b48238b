"""How the pages look, on every screen and in every light: readable by all, within the width, without breaking rules.

MAILSONAR_SCREENSHOTS names a directory for the pictures; without it they go where pytest keeps what tests write.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect
from tests.support.browser import DESKTOP, PHONE, window
from tests.support.showcase import showcase
from tests.support.site import serving

PAGES = {"fleet": "/", "route": "/routes/acme-internal"}
GROUNDS = {"light": "rgb(246, 247, 249)", "dark": "rgb(15, 20, 25)"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def origin():
    """Serve a fleet with everything in it."""
    async with serving(showcase().site(lifecycle=True)) as origin:
        yield origin


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Give the directory for the pictures."""
    folder = os.environ.get("MAILSONAR_SCREENSHOTS")
    return Path(folder) if folder else tmp_path_factory.mktemp("screenshots")


@pytest.mark.parametrize("light", GROUNDS)
@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_pages_are_fit_to_be_seen(chromium, origin, album, screen, light):
    """No page scrolls sideways or keeps anybody out, as far as axe can tell, contrast included."""
    async with window(chromium, origin, viewport=screen, color_scheme=light) as view:
        for name, path in PAGES.items():
            await view.goto(path)
            await expect(view.page.get_by_text("failing").first).to_be_visible()
            device = "phone" if screen is PHONE else "desktop"
            await view.page.screenshot(path=album / f"{name}-{device}-{light}.png", full_page=True)
            assert await view.width() == screen["width"]
            assert await view.page.evaluate("getComputedStyle(document.body).backgroundColor") == GROUNDS[light]
            assert await view.barriers() == []


async def test_pages_are_told_to_who_cannot_see_them(chromium, origin):
    """Landmarks, headings, tables and pictures have names, and no state is told by colour alone."""
    async with window(chromium, origin) as view:
        page = view.page
        await view.goto("/")
        for landmark in ("banner", "navigation", "main", "search", "contentinfo"):
            await expect(page.get_by_role(landmark)).to_be_visible()
        table = page.get_by_role("table", name="Routes, those that need attention first")
        headings = await table.get_by_role("columnheader").all_inner_texts()
        assert headings == ["State", "Route", "Trend", "Round trip", "Last fault", "Last attempt"]
        row = table.get_by_role("row").filter(has=page.get_by_role("rowheader", name="acme-internal"))
        await expect(row.get_by_role("cell", name="failing", exact=True)).to_be_visible()
        await expect(row.get_by_role("img", name="25 ok, 5 failed")).to_be_visible()
        idle = table.get_by_role("row").filter(has=page.get_by_role("rowheader", name="globex-to-initech"))
        await expect(idle.get_by_role("cell", name="stale", exact=True)).to_be_visible()
        await view.goto("/routes/acme-internal")
        for region in ("Round trips", "Where the time goes", "Certificates", "What the message tells", "Attempts"):
            await expect(page.get_by_role("region", name=region)).to_be_visible()
