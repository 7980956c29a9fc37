"use strict";
// The board: a dragged card moves at once, the server is asked, and where it refuses the card goes back.
{
  const drops = document.querySelector("[data-drop-url]");
  let card = null;
  let home = null;

  const over = (zone) => {
    for (const other of document.querySelectorAll(".over-here")) if (other !== zone) other.classList.remove("over-here");
    zone?.classList.add("over-here");
  };
  const goBack = (moved, place) => {
    if (!moved.isConnected && !place.list.isConnected) return;
    place.list.insertBefore(moved, place.next?.isConnected ? place.next : null);
    moved.classList.remove("pending");
    moved.classList.add("refused");
    moved.addEventListener("animationend", () => moved.classList.remove("refused"), { once: true });
    moved.querySelector(".kebab")?.focus({ preventScroll: true });
  };

  document.addEventListener("dragstart", (event) => {
    card = drops && event.target.closest?.(".card[draggable]");
    if (!card) return;
    home = { list: card.parentNode, next: card.nextSibling };
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", card.querySelector(".name").textContent);
    requestAnimationFrame(() => {
      card?.classList.add("lifting");
      document.body.classList.add("dragging");
    });
  });
  document.addEventListener("dragover", (event) => {
    const zone = event.target.closest?.("[data-to]");
    if (!card || !zone) return;
    event.preventDefault();
    over(zone);
  });
  document.addEventListener("dragend", () => {
    card?.classList.remove("lifting");
    document.body.classList.remove("dragging");
    over(null);
    card = null;
  });
  document.addEventListener("drop", (event) => {
    const zone = event.target.closest?.("[data-to]");
    if (!card || !zone) return;
    event.preventDefault();
    if (card.closest("[data-to]") === zone) return;
    const list = zone.querySelector(".cards");
    if (list) {
      list.querySelector(".blank")?.remove();
      list.prepend(card);
    }
    send(card, home, zone.dataset.to);
  });

  const columns = () => document.getElementById("columns");
  async function send(moved, place, to) {
    moved.classList.remove("lifting");
    moved.classList.add("pending");
    let answer;
    try {
      answer = await fetch(drops.dataset.dropUrl.replace("/0/", `/${moved.dataset.id}/`), {
        method: "POST",
        headers: { "HX-Request": "true", "X-CSRFToken": token() },
        body: new URLSearchParams({ to, seq: moved.dataset.seq, query: columns().dataset.query }),
      });
    } catch {
      goBack(moved, place);
      return document.dispatchEvent(new CustomEvent("htmx:sendError"));
    }
    const text = await answer.text();
    if (answer.headers.get("Content-Type")?.includes("json")) {
      goBack(moved, place);
      const { ask, go } = JSON.parse(text);
      return go ? location.assign(go) : htmx.ajax("GET", ask, { target: "#dialog", source: document.body });
    }
    if (!answer.ok) {
      goBack(moved, place);
      if (answer.status !== 409)
        return document.dispatchEvent(new CustomEvent("htmx:responseError", { detail: { xhr: { status: answer.status } } }));
    }
    redraw(text, answer.ok);
  }

  // an undo leads back to this board
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target.closest?.(".toast form");
      if (!form || form.elements.next) return;
      const next = Object.assign(document.createElement("input"), { type: "hidden", name: "next" });
      next.value = location.pathname + location.search;
      form.append(next);
    },
    true,
  );

  // columns keep their places: what a column had scrolled to is where it stays
  function redraw(text, whole) {
    const scrolled = new Map([...document.querySelectorAll(".col")].map((col) => [col.dataset.to, col.querySelector(".cards").scrollTop]));
    const left = document.querySelector(".board").scrollLeft;
    htmx.swap("#columns", text, { swapStyle: whole ? "outerHTML" : "none" });
    document.querySelector(".board").scrollLeft = left;
    for (const col of document.querySelectorAll(".col")) col.querySelector(".cards").scrollTop = scrolled.get(col.dataset.to) ?? 0;
  }

  const token = () => JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";
}
