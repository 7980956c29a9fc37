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
    if (event.defaultPrevented || form.getAttribute("method") !== "post" || form.matches("[data-theme-switch]")) return;
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

// What is typed stays on this device until the server has taken it, and leaving what is not saved warns. Each form keeps
// which fields were changed, from what to what; a page that stands as it stood then gets them back by itself.
{
  const STORE = "draft:";
  const MONTH = 30 * 24 * 3600 * 1000;
  const TEXT = "textarea, input:is(:not([type]), [type=text], [type=email], [type=tel], [type=url], [type=number], [type=date], [type=datetime-local])";
  const LEFT_ALONE = "[data-composer], [data-inline], [data-cell-edit], [data-theme-switch], [data-no-draft], [method=dialog]";
  const who = document.body.dataset.newsOf;
  const template = document.getElementById("draft-template");
  const states = new Map(); // form → { key, base, sent }
  let leaving = false;

  const read = (key) => {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  };
  const write = (key, value) => {
    try {
      if (value) localStorage.setItem(key, JSON.stringify(value));
      else localStorage.removeItem(key);
    } catch {
      // a full or forbidden store: the words still stand in the form, and leaving it warns
    }
  };

  const pathOf = (form) => new URL(form.getAttribute("hx-post") || form.getAttribute("action") || location.href, location.href).pathname;
  const controls = (form) =>
    [...form.elements].filter((one) => one.name && one.matches("input:not([type=hidden], [type=file], [type=submit], [type=button]), select, textarea"));
  const valuesOf = (form) => {
    const found = {};
    for (const one of controls(form)) {
      if (one.type === "radio") found[one.name] = one.checked ? one.value : (found[one.name] ?? "");
      else if (one.type === "checkbox") found[`${one.name}=${one.value}`] = one.checked ? "on" : "";
      else found[one.name] = one.multiple ? JSON.stringify([...one.selectedOptions].map((option) => option.value)) : one.value;
    }
    return found;
  };
  const rowsOf = (form) => {
    const found = {};
    for (const box of form.querySelectorAll("[data-rows]")) found[box.dataset.rows] = box.querySelectorAll("tbody tr").length;
    return found;
  };
  const changesOf = (form, base) => {
    const now = valuesOf(form);
    const found = {};
    for (const name of new Set([...Object.keys(base), ...Object.keys(now)]))
      if ((now[name] ?? "") !== (base[name] ?? "")) found[name] = [base[name] ?? "", now[name] ?? ""];
    return found;
  };
  const isDirty = (form) => form.isConnected && Object.keys(changesOf(form, states.get(form).base)).length > 0;
  const dirtyIn = (part) => [...states.keys()].filter((form) => part.contains(form) && isDirty(form));

  const keep = (form) => {
    const state = states.get(form);
    const changes = changesOf(form, state.base);
    write(state.key, Object.keys(changes).length ? { at: Date.now(), changes, rows: rowsOf(form) } : null);
  };

  const put = (form, kept) => {
    for (const box of form.querySelectorAll("[data-rows]")) {
      const wanted = kept.rows?.[box.dataset.rows] ?? 0;
      while (box.querySelectorAll("tbody tr").length < wanted) box.querySelector("[data-rows-add]").click();
    }
    for (const one of controls(form)) {
      const change = kept.changes[one.type === "checkbox" ? `${one.name}=${one.value}` : one.name];
      if (!change) continue;
      if (one.type === "checkbox") one.checked = change[1] === "on";
      else if (one.type === "radio") one.checked = one.value === change[1];
      else if (one.multiple) for (const option of one.options) option.selected = JSON.parse(change[1] || "[]").includes(option.value);
      else one.value = change[1];
    }
    const inner = form.querySelector("[data-rows]") ?? form;
    const tell = () => inner.dispatchEvent(new Event("input", { bubbles: true })); // sums and what saves itself follow
    if (document.readyState === "complete") tell();
    else addEventListener("load", tell, { once: true });
    keep(form);
  };

  const note = (form, kept, waits) => {
    const said = template.content.firstElementChild.cloneNode(true);
    said.querySelector("[data-draft-restored]").hidden = waits;
    said.querySelector("[data-draft-waiting]").hidden = !waits;
    said.querySelector("[data-draft-restore]").hidden = !waits;
    said.querySelector("[data-draft-restore]").addEventListener("click", () => {
      said.remove();
      put(form, kept);
    });
    said.querySelector("[data-draft-discard]").addEventListener("click", () => {
      write(states.get(form).key, null);
      if (waits) return said.remove();
      states.get(form).base = valuesOf(form); // nothing to warn of
      leaving = true;
      location.reload();
    });
    form.prepend(said);
  };

  const ready = (form) => {
    if (states.has(form) || form.getAttribute("method") !== "post" || form.matches(LEFT_ALONE) || form.closest(".toast")) return;
    if (!form.querySelector(TEXT) || form.querySelector("[type=password], [autocomplete=one-time-code]")) return;
    const path = pathOf(form);
    const alike = [...states].filter(([other, state]) => other.isConnected && state.path === path).length;
    const key = `${STORE}${who}-${path}${alike ? `#${alike}` : ""}`;
    const base = valuesOf(form);
    states.set(form, { key, path, base });
    const kept = read(key);
    if (!kept?.changes) return;
    const names = Object.entries(kept.changes);
    if (names.every(([name, [, to]]) => (base[name] ?? "") === to)) {
      // drawn again with what was typed, because it was refused: it is not saved yet
      for (const [name, [from]] of names) base[name] = from;
    } else if (names.every(([name, [from, to]]) => [from, to].includes(base[name] ?? ""))) {
      put(form, kept);
      note(form, kept, false);
    } else note(form, kept, true);
  };
  const readyAll = () => {
    for (const form of states.keys()) if (!form.isConnected) states.delete(form);
    document.querySelectorAll("form").forEach(ready);
  };

  // the server has taken what was sent to an address
  const taken = (path) => {
    for (const key of Object.keys(localStorage))
      if (key === `${STORE}${who}-${path}` || key.startsWith(`${STORE}${who}-${path}#`)) localStorage.removeItem(key);
    for (const [form, state] of states)
      if (state.path === path) {
        state.base = { ...valuesOf(form), ...state.sent };
        form.querySelector(".draft-kept")?.remove();
        if (form.isConnected) keep(form);
      }
  };
  const readCookie = () => {
    const found = /(?:^|; )saved=([^;]+)/.exec(document.cookie);
    if (!found) return;
    document.cookie = "saved=; path=/; max-age=0; samesite=lax";
    taken(decodeURIComponent(found[1].replace(/^"|"$/g, "")));
  };

  if (who && template) {
    try {
      for (const key of Object.keys(localStorage)) {
        if (!key.startsWith(STORE)) continue;
        const old = Date.now() - (read(key)?.at ?? 0) > MONTH;
        if (old || key.slice(STORE.length).split("-")[0] !== who) localStorage.removeItem(key);
      }
      readCookie();
    } catch {
      // no store: leaving still warns
    }
    readyAll();
    document.addEventListener("htmx:afterSettle", readyAll);

    for (const name of ["input", "change"])
      document.addEventListener(name, (event) => {
        const form = event.target.closest?.("form");
        if (states.has(form)) keep(form);
      });
    const keepAll = () => {
      for (const form of states.keys()) if (form.isConnected) keep(form);
    };

    document.addEventListener("submit", (event) => {
      keepAll();
      if (!event.defaultPrevented) leaving = true; // what else was typed on this page is kept, and comes back with it
    });
    addEventListener("pageshow", () => (leaving = false));
    addEventListener("pagehide", () => leaving || keepAll());
    addEventListener("beforeunload", (event) => {
      if (leaving || !(dirtyIn(document).length || document.querySelector("[data-composer][data-unsaved]"))) return;
      keepAll();
      event.preventDefault();
      event.returnValue = "";
    });

    // htmx: a part of the page that is drawn anew takes its forms along
    document.addEventListener("htmx:beforeRequest", (event) => {
      const { elt, target, requestConfig } = event.detail;
      const form = elt.closest("form");
      if (states.has(form)) states.get(form).sent = valuesOf(form);
      if (!["click", "keydown"].includes(requestConfig?.triggeringEvent?.type) || requestConfig.verb !== "get") return;
      const lost = dirtyIn(target).filter((other) => other !== form);
      if (lost.length && !confirm(template.dataset.leave)) event.preventDefault();
    });
    document.addEventListener("htmx:beforeOnLoad", (event) => {
      const { xhr, requestConfig } = event.detail;
      if (requestConfig.verb === "get" || xhr.status >= 300) return;
      taken(new URL(requestConfig.path, location.href).pathname);
      readCookie();
      if (xhr.getResponseHeader("HX-Redirect") || xhr.getResponseHeader("HX-Refresh")) {
        keepAll();
        leaving = true;
      }
    });

    // Ctrl+Enter does what the form is there for
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      const form = event.target.closest?.("form");
      if (states.has(form)) [...form.querySelectorAll("button.primary:not([type=button])")].pop()?.click();
    });
  }
}

// Numbers pick a card, as long as nobody is typing; buttons beside a time fill it in.
{
  const readyAll = () => {
    for (const button of document.querySelectorAll("[data-fill][hidden]")) button.hidden = false;
  };
  readyAll();
  document.addEventListener("htmx:afterSettle", readyAll);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-fill]");
    const input = button?.closest(".moments").querySelector("input");
    if (!input) return;
    input.value = button.dataset.fill;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !/^[1-9]$/.test(event.key)) return;
    if (document.body.dataset.keys === "off") return;
    if (event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]")) return;
    const cards = (document.querySelector("dialog[open]") ?? document).querySelector("[data-numbers]");
    const radio = cards?.querySelectorAll("input[type=radio]")[event.key - 1];
    if (!radio) return;
    event.preventDefault();
    radio.click();
    radio.focus();
  });
}
