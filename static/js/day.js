"use strict";
// My day by keyboard: j and k move from row to row, each button names its key. What was acted on leaves the focus near.
{
  const keys = document.querySelector("p[data-keys]");
  const off = () => document.body.dataset.keys === "off";
  if (keys && off()) keys.hidden = true;

  const whose = document.querySelector("[data-whose]");
  whose?.addEventListener("change", () => whose.requestSubmit());
  if (whose) whose.querySelector("button").hidden = true;

  const rows = () => [...document.querySelectorAll("[data-task]")];
  const current = () => document.activeElement?.closest("[data-task]");
  const focus = (row) => {
    row?.querySelector("a")?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
  };
  const step = (by) => {
    const all = rows();
    const at = all.indexOf(current());
    focus(all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))]);
  };
  const press = (key) => {
    const row = current() ?? (key === "n" ? null : rows()[0]);
    (row?.querySelector(`[data-key="${key}"]`) ?? document.querySelector(`.actions [data-key="${key}"]`))?.click();
  };
  const undo = () => [...document.querySelectorAll("#toasts .toast form button")].at(-1)?.click();
  const find = () => document.querySelector("[data-palette]")?.click();
  const MANNERS = { j: () => step(1), k: () => step(-1), z: undo, "/": find, e: () => press("e"), s: () => press("s"), n: () => press("n") };

  const typing = (target) =>
    target.closest("input:not([type=checkbox]), textarea, select, dialog, [contenteditable], details[open]");
  document.addEventListener("keydown", (event) => {
    if (off() || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const act = MANNERS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // the row that was acted on goes: the one that takes its place is next
  let place = -1;
  document.addEventListener("htmx:beforeRequest", (event) => {
    const row = event.detail.elt.closest?.("[data-task]");
    if (row) place = rows().indexOf(row);
    else if (!event.detail.elt.closest?.("dialog")) place = -1;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target?.id !== "day" && event.detail.elt?.id !== "day") return;
    const all = rows();
    if (place >= 0 && all.length) focus(all[Math.min(place, all.length - 1)]);
    place = -1;
  });
}
