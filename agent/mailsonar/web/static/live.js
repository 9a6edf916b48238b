// Keeps the page current: asks for it again and shows what is new. A page that cannot be current says so, in the banner, in
// the title and by losing its colours: an old green must not look like a new one.
import { tellAges, trustClockOf } from "./ages.js";
import { morph } from "./morph.js";
import { mergeRows } from "./rows.js";

const EVERY = 5000;
const OLD = 15000;
const main = document.querySelector("main");
const offline = document.getElementById("offline");
const news = document.getElementById("news");
let title = document.title;
let answered = Date.now();
let failed = false;
let timer;

export async function refresh() {
  clearTimeout(timer);
  try {
    const answer = await fetch(address(), { signal: AbortSignal.timeout(2 * EVERY) });
    if (!answer.headers.get("Content-Type")?.startsWith("text/html")) {
      throw new Error(answer.statusText);
    }
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    answered = Date.now();
    failed = false;
  } catch {
    failed = true;
  }
  judge();
  clearTimeout(timer);
  timer = setTimeout(tick, EVERY);
}

function address() {
  const url = new URL(location);
  const cursor = document.getElementById("routes")?.dataset.cursor;
  if (cursor) {
    url.searchParams.set("since", cursor);
  }
  return url;
}

function show(page) {
  const focused = document.activeElement;
  const fresh = page.querySelector("main");
  const part = fresh.querySelector("table[data-part]");
  trustClockOf(fresh);
  tellAges(fresh);
  if (part) {
    mergeRows(document.getElementById("routes"), part);
  }
  if (headline(fresh) !== headline(main)) {
    news.textContent = headline(fresh);
  }
  morph(main, fresh);
  tellAges(main);
  title = page.title;
  if (focused !== document.activeElement && focused.isConnected) {
    focused.focus({ preventScroll: true });
  }
  document.dispatchEvent(new Event("refreshed"));
}

function headline(of) {
  return [...of.querySelectorAll("h1, .title .state")].map((part) => part.textContent).join(" ");
}

function judge() {
  const isOld = failed || Date.now() - answered > OLD;
  document.body.classList.toggle("old", isOld);
  document.title = isOld ? `Old: ${title}` : title;
  offline.hidden = !isOld;
  if (isOld) {
    const since = new Date(answered).toLocaleTimeString();
    offline.textContent = `No answer from the agent since ${since}. What you see below is old.`;
  }
}

function tick() {
  if (!document.hidden) {
    refresh();
  }
}

function wake() {
  judge();
  tick();
}

trustClockOf(main);
timer = setTimeout(tick, EVERY);
setInterval(judge, 1000);
document.addEventListener("visibilitychange", wake);
