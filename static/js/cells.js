"use strict";
// The list: a value turns into its editor where it stands. Enter saves, Escape leaves it as it was, Tab saves and goes
// on to the next value. Without this script each value is a link to a page with the same form.
{
  const body = document.querySelector("[data-cells]");
  const before = new WeakMap(); // cell → the link that stood there, which keeps its room while it is edited
  const busy = new WeakSet();

  const linkIn = (cell) => cell.querySelector("a[data-cell]");
  const controlIn = (cell) => cell.querySelector("[data-cell-edit] :is(input:not([type=hidden]), select)");
  const cells = () => [...body.querySelectorAll("td:has(a[data-cell], [data-cell-edit])")].filter((cell) => cell.offsetParent);

  const attend = (cell) => {
    const control = controlIn(cell);
    if (!control) return;
    if (!linkIn(cell)) cell.prepend(before.get(cell));
    control.focus();
    if (control.select && control.type !== "date") control.select();
  };
  const open = async (cell) => {
    const link = linkIn(cell);
    if (!link || busy.has(cell)) return;
    busy.add(cell);
    before.set(cell, link.cloneNode(true));
    await htmx.ajax("GET", link.href, { target: cell, source: cell, swap: "innerHTML" }).catch(() => {});
    busy.delete(cell);
    const control = controlIn(cell);
    if (!control) return;
    cell.dataset.was = control.value;
    attend(cell);
  };
  const close = (cell, focus) => {
    busy.add(cell); // what is taken away says that it lost the focus
    cell.querySelector("[data-cell-edit]").remove();
    busy.delete(cell);
    if (focus) linkIn(cell)?.focus();
  };
  const goOn = (cell, step) => {
    const all = cells();
    const next = step && all[all.indexOf(cell) + step];
    if (next) open(next);
    else linkIn(cell)?.focus();
  };
  // step: 0 stays, 1 and -1 go on to the next or previous value, null leaves the focus where it is
  const save = async (cell, step) => {
    const form = cell.querySelector("[data-cell-edit]");
    const control = controlIn(cell);
    if (!control || busy.has(cell)) return;
    // what a number or a date cannot be made of reads as nothing: the browser says so, and nothing is sent
    if (control.validity.badInput) return step === null || control.reportValidity();
    const faulty = form.querySelector("[role=alert]");
    if (control.value === cell.dataset.was && !faulty) {
      close(cell, step === 0);
      if (step) goOn(cell, step);
      return;
    }
    busy.add(cell);
    const values = Object.fromEntries(new FormData(form));
    await htmx.ajax("POST", form.action, { target: cell, source: cell, swap: "innerHTML", values }).catch(() => {});
    busy.delete(cell);
    if (cell.querySelector("[data-cell-edit]")) return attend(cell); // refused, or the connection is lost
    if (step !== null) goOn(cell, step);
  };

  if (body) {
    body.addEventListener("click", (event) => {
      const cell = event.target.closest("td");
      if (!cell || event.ctrlKey || event.metaKey || event.shiftKey) return;
      if (event.target.closest("[data-cell-cancel]")) return location.reload();
      if (!event.target.closest("a[data-cell]")) return;
      event.preventDefault();
      open(cell);
    });
    body.addEventListener("submit", (event) => {
      event.preventDefault();
      save(event.target.closest("td"), 0);
    });
    body.addEventListener("keydown", (event) => {
      const cell = event.target.closest("td:has([data-cell-edit])");
      if (!cell || event.target.closest("button")) return;
      if (event.key === "Escape") {
        event.preventDefault();
        if (!busy.has(cell)) close(cell, true);
      } else if (event.key === "Tab" && event.target === controlIn(cell)) {
        if (cell.querySelector(".cell-stale")) return; // on to its buttons
        event.preventDefault();
        save(cell, event.shiftKey ? -1 : 1);
      } else if (event.key === "Enter" && event.target.tagName === "SELECT") {
        event.preventDefault();
        save(cell, 0);
      }
    });
    body.addEventListener("focusout", (event) => {
      const cell = event.target.closest("td:has([data-cell-edit])");
      // a window that loses the focus takes nothing away
      if (!cell || cell.contains(event.relatedTarget) || !document.hasFocus()) return;
      if (!cell.querySelector("[role=alert]")) save(cell, null);
    });
  }
}
