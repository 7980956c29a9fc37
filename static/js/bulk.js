"use strict";
// Lists: filters apply as they are chosen; the bar for many rows shows itself when some are selected.
{
  for (const form of document.querySelectorAll("[data-filters]")) {
    form.querySelector("[data-filters-apply]").hidden = true;
    form.addEventListener("change", () => form.requestSubmit());
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
    const all = form.querySelector("[data-bulk-all]");
    const count = form.querySelector("[data-bulk-count]");
    const clear = form.querySelector("[data-bulk-clear]");
    const boxes = [...form.querySelectorAll("input[name=journeys]")];
    const show = () => {
      const chosen = boxes.filter((box) => box.checked).length;
      bar.hidden = !chosen;
      count.textContent = String(chosen);
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
    form.addEventListener("change", show);
    addEventListener("pageshow", show);
    show();
  }
}
