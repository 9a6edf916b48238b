"""Windows of a real browser, which notice what a page must not do: complain, break its own policy, ask elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.async_api import Browser, Page

PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}

_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
_NOTE_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""


@dataclass(slots=True)
class Window:
    """A page, and what it did so far; `complaints` are what stands in its console."""

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def goto(self, path: str) -> None:
        """Open a page of the site."""
        await self.page.goto(self.origin + path)

    async def width(self) -> int:
        """Return how wide the page is; wider than the window means that it scrolls sideways."""
        return await self.page.evaluate("document.documentElement.scrollWidth")

    async def routes(self) -> list[str]:
        """Return the names of the routes that are to be seen, from top to bottom."""
        return await self.page.locator(".routes tbody tr:visible th a").all_inner_texts()

    async def barriers(self) -> list[str]:
        """Return what axe finds that keeps people out: rules, and where they are broken."""
        await self.page.evaluate(_AXE)
        found = await self.page.evaluate("axe.run().then((result) => result.violations)")
        return [f"{one['id']}: {[node['target'] for node in one['nodes']][:5]}" for one in found]

    async def violations(self) -> list[str]:
        """Return what the page's security policy has forbidden."""
        return await self.page.evaluate("window.violations")


@asynccontextmanager
async def window(browser: Browser, origin: str, allow: Sequence[str] = (), **context: Any) -> AsyncIterator[Window]:
    """Open a window on a site; when it closes it must have kept the rules.

    Args:
        browser: the browser.
        origin: where the site is.
        allow: parts of complaints that are expected.
        context: what the browser is to pretend, such as its size.
    """
    async with await browser.new_context(**({"viewport": DESKTOP} | context)) as opened:
        page = await opened.new_page()
        made = Window(page, origin)
        await page.add_init_script(_NOTE_VIOLATIONS)
        page.on(
            "console", lambda said: made.complaints.append(said.text) if said.type in {"error", "warning"} else None
        )
        page.on("pageerror", lambda error: made.complaints.append(str(error)))
        page.on("dialog", lambda dialog: made.complaints.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: made.asked.append(request.url))
        yield made
        if context.get("java_script_enabled", True):
            assert await made.violations() == []
        assert [one for one in made.complaints if not any(part in one for part in allow)] == []
        assert [url for url in made.asked if not url.startswith(f"{origin}/")] == []
