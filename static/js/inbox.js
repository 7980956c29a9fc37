"use strict";
// Triage by keyboard: j and k move, each button names its key. Single keys can be turned off, and stay off.
{
  const inbox = document.querySelector("[data-inbox]");
  const toggle = document.querySelector("[data-keys-switch]");
  const off = () => document.body.dataset.keys === "off";

  const label = () => {
    toggle.textContent = off() ? toggle.dataset.on : toggle.dataset.off;
  };
  if (toggle) {
    toggle.hidden = false;
    label();
    // the profile keeps it, so that it holds in every browser
    toggle.addEventListener("click", () => {
      document.body.dataset.keys = off() ? "on" : "off";
      label();
      htmx.ajax("POST", toggle.dataset.keysSwitch, { values: { on: off() ? "0" : "1" }, swap: "none" });
    });
  }

  const typing = (target) =>
    target.closest("input:not([type=checkbox]), textarea, select, dialog, [contenteditable], details[open]");
  const rows = () => [...inbox.querySelectorAll("[data-row]")];
  const step = (by) => {
    const at = rows().findIndex((row) => row.hasAttribute("aria-current"));
    rows()[Math.min(rows().length - 1, Math.max(0, at + by))]?.click();
  };
  const select = () => {
    const box = inbox.querySelector("[data-row][aria-current]")?.parentElement.querySelector("input[name=journeys]");
    box?.click();
  };
  const help = () => {
    const dialog = document.getElementById("dialog");
    dialog.replaceChildren(document.getElementById("keys-help").content.cloneNode(true));
    dialog.showModal();
  };
  const undo = () => [...document.querySelectorAll("#toasts .toast form button")].at(-1)?.click();
  const find = () => document.querySelector("[data-palette]")?.click();

  // "g" and then a letter goes to a page of the left bar
  const PLACES = { i: "/inbox/", m: "/my-day/", j: "/journeys/", d: "/dashboard/" };
  let going = 0;
  const go = (key) => {
    const link = PLACES[key] && document.querySelector(`.nav a[href="${PLACES[key]}"]`);
    link?.click();
  };

  const MANNERS = { j: () => step(1), k: () => step(-1), x: select, z: undo, "/": find, "?": help };

  inbox?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  const pickAll = inbox?.querySelector(".pick-all");
  if (pickAll) pickAll.hidden = false;

  document.addEventListener("keydown", (event) => {
    if (!inbox || off() || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "Enter" && event.target.closest("a, button")) return;
    if (Date.now() - going < 1500) {
      going = 0;
      event.preventDefault();
      return go(event.key);
    }
    if (event.key === "g") {
      going = Date.now();
      return;
    }
    const named = [...document.querySelectorAll("[data-key]")].find((button) => button.dataset.key === event.key);
    const act = MANNERS[event.key] ?? (named && (() => named.click()));
    if (!act) return;
    event.preventDefault();
    act();
  });
}
