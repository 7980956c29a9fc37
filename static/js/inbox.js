"use strict";
// Triage by keyboard: j and k move, each button names its key. Single keys can be turned off, and stay off.
{
  const STORE = "single-keys-off";
  const inbox = document.querySelector("[data-inbox]");
  const toggle = document.querySelector("[data-keys-switch]");
  const off = () => localStorage.getItem(STORE) === "1";

  const label = () => {
    toggle.textContent = off() ? toggle.dataset.on : toggle.dataset.off;
  };
  if (toggle) {
    toggle.hidden = false;
    label();
    toggle.addEventListener("click", () => {
      if (off()) localStorage.removeItem(STORE);
      else localStorage.setItem(STORE, "1");
      label();
    });
  }

  const typing = (target) => target.closest("input, textarea, select, dialog, [contenteditable], details[open]");
  const step = (by) => {
    const rows = [...inbox.querySelectorAll("[data-row]")];
    const at = rows.findIndex((row) => row.hasAttribute("aria-current"));
    rows[Math.min(rows.length - 1, Math.max(0, at + by))]?.click();
  };

  inbox?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  document.addEventListener("keydown", (event) => {
    if (!inbox || off() || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "Enter" && event.target.closest("a, button")) return;
    if (event.key === "j" || event.key === "k") {
      event.preventDefault();
      return step(event.key === "j" ? 1 : -1);
    }
    const wanted = [...document.querySelectorAll("[data-key]")].find((button) => button.dataset.key === event.key);
    if (!wanted) return;
    event.preventDefault();
    wanted.click();
  });
}
