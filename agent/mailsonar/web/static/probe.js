// Starts an attempt ahead of the schedule and tells what becomes of it: that of the first row which was not there before.
import { refresh } from "./live.js";

const EVERY = 1000;
const form = document.getElementById("probe");
const button = form.querySelector("button");
const said = form.querySelector("[role=status]");

const rows = () => [...document.querySelectorAll(".attempts tr[data-key]")];
const say = (text) => (said.textContent = text);

async function probe(event) {
  event.preventDefault();
  button.disabled = true;
  say("Asking the agent …");
  try {
    await refresh();
    const before = new Set(rows().map((row) => row.dataset.key));
    const answer = await fetch(form.action, { method: "POST" });
    if (answer.ok) {
      await follow(before);
    } else {
      say((await answer.json()).error);
    }
  } catch {
    say("The agent does not answer.");
  }
  button.disabled = false;
}

async function follow(before) {
  let state = "waiting";
  say("The attempt is about to start.");
  while (state === "waiting" && !document.body.classList.contains("old")) {
    await new Promise((done) => setTimeout(done, EVERY));
    await refresh();
    const row = rows().filter(({ dataset }) => !before.has(dataset.key)).at(-1);
    if (row) {
      state = row.dataset.state;
      say(state === "waiting" ? "The attempt is under way." : outcome(row));
    }
  }
}

function outcome(row) {
  const [, told, roundTrip, fault] = row.cells;
  const about = fault.querySelector("strong") ?? roundTrip.querySelector(".figure");
  return `The attempt ended: ${told.textContent.trim()}${about ? `, ${about.textContent}` : ""}.`;
}

form.addEventListener("submit", probe);
form.hidden = false;
