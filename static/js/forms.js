"use strict";
// Repeated rows: add and remove. The server reads rows by their number, without a gap; so does this.
{
  const renumber = (box) => {
    const name = box.dataset.rows;
    box.querySelectorAll("tbody tr").forEach((row, index) => {
      for (const control of row.querySelectorAll("input, select, textarea")) {
        control.name = control.name.replace(`${name}-${control.dataset.row ?? /-(\d+)-[^-]*$/.exec(control.name)[1]}-`, `${name}-${index}-`);
        control.dataset.row = index;
        control.id = `id_${control.name}`;
        control.setAttribute("aria-label", control.getAttribute("aria-label").replace(/\d+$/, index + 1));
      }
      const remove = row.querySelector("[data-rows-remove]");
      remove.setAttribute("aria-label", remove.getAttribute("aria-label").replace(/\d+/, index + 1));
    });
  };
  const empty = (row) => {
    for (const control of row.querySelectorAll("input, select, textarea")) {
      if (control.tagName === "SELECT") control.selectedIndex = 0;
      else control.value = "";
      control.removeAttribute("aria-invalid");
    }
    for (const cell of row.querySelectorAll("[data-invalid]")) cell.removeAttribute("data-invalid");
  };
  const ready = (box) => {
    if (box.dataset.ready) return;
    box.dataset.ready = "1";
    for (const tool of box.querySelectorAll("[data-rows-tool]")) tool.hidden = false;
  };
  const readyAll = (within) => within.querySelectorAll("[data-rows]").forEach(ready);

  readyAll(document);
  document.addEventListener("htmx:afterSettle", () => readyAll(document));

  document.addEventListener("click", (event) => {
    const box = event.target.closest("[data-rows]");
    if (!box) return;
    const rows = box.querySelectorAll("tbody tr");
    if (event.target.closest("[data-rows-add]")) {
      const row = rows[rows.length - 1].cloneNode(true);
      empty(row);
      rows[rows.length - 1].after(row);
      renumber(box);
      row.querySelector("input, select, textarea").focus();
    } else if (event.target.closest("[data-rows-remove]")) {
      const row = event.target.closest("tr");
      const next = row.nextElementSibling ?? row.previousElementSibling;
      if (next) row.remove();
      else empty(row);
      renumber(box);
      (next ?? row).querySelector("input, select, textarea").focus();
      box.dispatchEvent(new Event("input", { bubbles: true })); // totals that listen, count again
    }
  });

  // a form is sent once: a second click while the first is on its way does nothing
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.matches("[data-theme-switch]")) return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 4000);
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  // a form that saves itself: sending it waits for the save under way, and no further save may overtake it
  const savesItself = "form[hx-post][hx-trigger*='input']";
  document.addEventListener(
    "submit",
    (event) => {
      const { target: form, submitter } = event;
      if (!form.matches(savesItself) || !form.classList.contains("htmx-request")) return;
      event.preventDefault();
      form.addEventListener("htmx:afterRequest", () => setTimeout(() => form.requestSubmit(submitter)), { once: true });
    },
    true,
  );
  document.addEventListener("htmx:beforeRequest", (event) => {
    const form = event.detail.elt;
    if (form.matches(savesItself) && form.dataset.sent) event.preventDefault();
  });
}
