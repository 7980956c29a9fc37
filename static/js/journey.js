"use strict";
// The composer: who reached out is asked of calls and messages, not of notes; Ctrl Enter saves.
for (const form of document.querySelectorAll("[data-composer]")) {
  const direction = form.querySelector("[data-composer-direction]");
  const show = () => {
    direction.hidden = form.elements.kind.value === "note";
  };
  form.addEventListener("change", show);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  show();
}
