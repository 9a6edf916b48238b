// Puts rows that are new into the table of routes: each into the group of its state, in the order of the config.
import { morph } from "./morph.js";

export function mergeRows(table, part) {
  const known = new Map([...table.querySelectorAll("tr[data-key]")].map((row) => [row.dataset.key, row]));
  for (const fresh of part.querySelectorAll("tr[data-key]")) {
    const row = known.get(fresh.dataset.key) ?? fresh;
    morph(row, fresh);
    const group = table.querySelector(`tbody[data-state="${row.dataset.state}"]`);
    if (row.parentNode !== group) {
      const later = [...group.rows].find((other) => Number(other.dataset.order) > Number(row.dataset.order));
      group.insertBefore(row, later ?? null);
    }
  }
  table.dataset.cursor = part.dataset.cursor;
}
