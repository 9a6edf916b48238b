// Filters the routes without asking the agent, by the rules that it goes by itself where a filter stands in the URL.
const form = () => document.getElementById("filter");

function wanted() {
  const fields = [...new FormData(form())].filter(([, value]) => value.trim());
  return {
    fields,
    words: form().elements.q.value.toLowerCase().split(/\s+/).filter(Boolean),
    states: fields.filter(([name]) => name === "state").map(([, value]) => value),
    labels: fields.filter(([name]) => name.startsWith("label.")).map(([name, value]) => [name.slice(6), value]),
  };
}

function admits({ words, states, labels }, { state, text, labels: json }) {
  if (states.length && !states.includes(state)) {
    return false;
  }
  const own = labels.length ? JSON.parse(json) : {};
  return words.every((word) => text.includes(word)) && labels.every(([name, value]) => own[name] === value);
}

function apply() {
  const want = wanted();
  const rows = [...document.querySelectorAll("#routes tr[data-key]")];
  rows.forEach((row) => (row.hidden = !admits(want, row.dataset)));
  const admitted = rows.filter((row) => !row.hidden).length;
  const shown = document.getElementById("shown");
  shown.hidden = !want.fields.length;
  shown.firstElementChild.textContent = `${admitted} of ${rows.length} routes`;
  document.getElementById("nothing").hidden = admitted > 0;
  return new URLSearchParams(want.fields).toString();
}

function change() {
  const query = apply();
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
}

function clear() {
  form().elements.q.value = "";
  form().querySelectorAll("input[type=checkbox]").forEach((box) => (box.checked = false));
  form().querySelectorAll("select").forEach((select) => (select.value = ""));
  form().elements.q.focus();
  change();
}

// The form comes and goes with the routes of the config, so the document listens for it.
function on(event, within, act) {
  document.addEventListener(event, (happened) => {
    if (happened.target.closest(within)) {
      act(happened);
    }
  });
}

on("input", "#filter", change);
on("submit", "#filter", (event) => event.preventDefault());
on("click", "a.clear", (event) => {
  event.preventDefault();
  clear();
});
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input[type=search], select");
  if (event.key === "/" && form() && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    form().elements.q.select();
  }
});
document.addEventListener("refreshed", () => form() && apply());
