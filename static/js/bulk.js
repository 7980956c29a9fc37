"use strict";
// Lists: filters apply as they are chosen; the bar for many rows shows itself when some are selected.
{
  for (const form of document.querySelectorAll("[data-filters]")) {
    form.querySelector("[data-filters-apply]").hidden = true;
    form.addEventListener("change", (event) => event.target.closest(".more-filters") || form.requestSubmit());
    form.addEventListener("submit", () => {
      // an empty filter does not belong in the address
      for (const control of form.querySelectorAll("input, select")) if (!control.value) control.disabled = true;
    });
  }
  addEventListener("pageshow", () => {
    for (const control of document.querySelectorAll("[data-filters] :disabled")) control.disabled = false;
  });

  for (const form of document.querySelectorAll("[data-bulk]")) {
    const bar = form.querySelector("[data-bulk-bar]");
    if (!bar) continue;
    // the boxes stand in a table outside the form, which they name
    const controls = [...form.elements];
    const all = controls.find((control) => control.matches("[data-bulk-all]"));
    const count = form.querySelector("[data-bulk-count]");
    const clear = form.querySelector("[data-bulk-clear]");
    const matching = controls.find((control) => control.matches("[data-bulk-matching]"));
    const boxes = controls.filter((control) => control.name === "journeys" && control.type === "checkbox");
    const show = () => {
      const chosen = boxes.filter((box) => box.checked).length;
      bar.hidden = !chosen;
      if (matching) {
        // all that match are offered to whoever has chosen all that are seen
        const whole = chosen === boxes.length;
        matching.closest("label").hidden = !whole;
        if (!whole) matching.checked = false;
      }
      count.textContent = String(chosen);
      count.hidden = Boolean(matching?.checked);
      all.checked = chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
    };
    all.hidden = count.hidden = clear.hidden = false;
    bar.classList.remove("plain-bar");
    all.addEventListener("change", () => {
      for (const box of boxes) box.checked = all.checked;
      show();
    });
    clear.addEventListener("click", () => {
      for (const box of boxes) box.checked = false;
      show();
    });
    document.addEventListener("change", (event) => event.target.form === form && show());
    addEventListener("pageshow", show);
    show();
  }
}
