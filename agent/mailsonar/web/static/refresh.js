// Keeps the page current: fetches it again and replaces its main part. When the agent does not answer, the page says so,
// because an old green must not look like a new one.
"use strict";

const EVERY_MILLISECONDS = 10000;
const offline = document.getElementById("offline");

async function refresh() {
  if (document.hidden || !document.getSelection().isCollapsed) {
    return;
  }
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(EVERY_MILLISECONDS) });
    if (!answer.ok) {
      throw new Error(answer.statusText);
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const focused = document.activeElement?.getAttribute("href");
    document.querySelector("main").replaceWith(page.querySelector("main"));
    document.title = page.title;
    if (focused) {
      document.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
    }
    offline.hidden = true;
  } catch {
    offline.hidden = false;
  }
}

setInterval(refresh, EVERY_MILLISECONDS);
document.addEventListener("visibilitychange", refresh);
