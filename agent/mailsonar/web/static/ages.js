// Keeps ages current between two answers. They are reckoned by the agent's clock: the browser's may be wrong.
let ahead = 0;

export function trustClockOf(main) {
  ahead = Date.now() - Number(main.dataset.now);
}

export function tellAges(within) {
  const now = Date.now() - ahead;
  for (const time of within.querySelectorAll("time")) {
    const text = age((now - Date.parse(time.dateTime)) / 1000);
    if (time.textContent !== text) {
      time.textContent = text;
    }
  }
}

function age(seconds) {
  if (seconds < 1) {
    return "just now";
  }
  const units = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 60, ""], [1, "s", 1, ""]];
  const [unit, name, smaller, smallerName] = units.find(([length]) => seconds >= length);
  const rest = smallerName && Math.floor((seconds % unit) / smaller);
  return `${Math.floor(seconds / unit)} ${name}${rest ? ` ${rest} ${smallerName}` : ""} ago`;
}
