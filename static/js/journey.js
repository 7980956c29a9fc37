"use strict";
// The composer: drafts that survive a reload and a lost line, colleagues after an @, files; and details in their rows.
{
  const DRAFT = "draft:";
  const KEPT = ["kind", "text", "subject", "way", "direction", "outcome"];
  const DAYS = 30 * 24 * 3600 * 1000;

  // -- drafts: kept on this device as they are typed, gone once the server has taken them
  const store = {
    read(key) {
      try {
        return JSON.parse(localStorage.getItem(DRAFT + key));
      } catch {
        return null;
      }
    },
    write(key, value) {
      try {
        if (value) localStorage.setItem(DRAFT + key, JSON.stringify(value));
        else localStorage.removeItem(DRAFT + key);
      } catch {
        // a full or forbidden store: the words still stand in the form
      }
    },
    // what somebody else left on this device, and what was left long ago, is nobody's business
    tidy(who) {
      for (const key of Object.keys(localStorage).filter((name) => name.startsWith(DRAFT))) {
        const name = key.slice(DRAFT.length);
        const old = Date.now() - (store.read(name)?.at ?? 0) > DAYS;
        if (old || name.split("-")[0] !== who) store.write(name, null);
      }
    },
  };

  const draftOf = (form) => {
    const found = { at: Date.now() };
    for (const name of KEPT) found[name] = form.elements[name]?.value ?? "";
    const { answers, occurred_at: when } = form.elements;
    if (when.value !== when.defaultValue) found.when = when.value; // else it is now, whenever that is
    if (answers) found.answers = answers.checked;
    return found;
  };
  const isEmpty = (draft) => !draft.text.trim() && !draft.subject.trim();

  const restore = (form, draft) => {
    for (const name of KEPT) if (draft[name] && form.elements[name]) form.elements[name].value = draft[name];
    if (draft.when) form.elements.occurred_at.value = draft.when;
    if (form.elements.answers && "answers" in draft) form.elements.answers.checked = draft.answers;
  };

  // -- files: which are chosen, and each may be left out again
  const drawFiles = (form) => {
    const input = form.elements.files;
    const list = form.querySelector("[data-chosen]");
    list.replaceChildren(
      ...[...input.files].map((file, index) => {
        const row = document.createElement("li");
        row.textContent = file.name;
        const out = document.createElement("button");
        out.type = "button";
        out.textContent = "×";
        out.setAttribute("aria-label", file.name);
        out.addEventListener("click", () => {
          const rest = new DataTransfer();
          [...input.files].forEach((other, at) => at !== index && rest.items.add(other));
          input.files = rest.files;
          drawFiles(form);
          input.focus();
        });
        row.append(out);
        return row;
      }),
    );
    list.hidden = !input.files.length;
  };

  // -- colleagues: after an @ the list opens; arrows choose, Enter or Tab takes, Escape closes
  const mentions = (form) => {
    const area = form.querySelector("[data-mentions]");
    const list = form.querySelector(".mention-list");
    let asked = 0;
    const options = () => [...list.querySelectorAll("[role=option]")];
    const chosen = () => options().findIndex((option) => option.getAttribute("aria-selected") === "true");
    const close = () => {
      asked += 1;
      list.hidden = true;
      list.replaceChildren();
      area.removeAttribute("aria-activedescendant");
    };
    const choose = (index) => {
      options().forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
      const option = options()[index];
      if (!option) return;
      area.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    };
    const begun = () => /(^|[^\w@.+-])@([\p{L}\p{N}_.+-]{0,30})$/u.exec(area.value.slice(0, area.selectionStart));
    const take = (option) => {
      const found = begun();
      if (!found) return close();
      const from = area.selectionStart - found[2].length;
      area.setRangeText(`${option.dataset.name} `, from, area.selectionStart, "end");
      close();
      area.focus();
      area.dispatchEvent(new Event("input", { bubbles: true }));
    };
    const look = async () => {
      const found = begun();
      if (!found) return list.hidden || close();
      const turn = ++asked;
      try {
        const answer = await fetch(`${form.dataset.people}?q=${encodeURIComponent(found[2])}`, { redirect: "error" });
        if (!answer.ok || turn !== asked) return;
        list.innerHTML = await answer.text();
      } catch {
        return close(); // without the server the name is simply typed
      }
      if (!options().length) return close();
      list.hidden = false;
      choose(0);
    };
    let timer = 0;
    area.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(look, 120);
    });
    area.addEventListener("keydown", (event) => {
      if (list.hidden) return;
      const all = options();
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        choose((chosen() + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length);
      } else if ((event.key === "Enter" && !event.ctrlKey && !event.metaKey) || event.key === "Tab") {
        event.preventDefault();
        take(all[chosen()] ?? all[0]);
      } else if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        close();
      }
    });
    area.addEventListener("blur", () => setTimeout(close, 150));
    list.addEventListener("mousedown", (event) => {
      const option = event.target.closest("[role=option]");
      if (!option) return;
      event.preventDefault();
      take(option);
    });
  };

  // -- the composer itself
  const ready = (form) => {
    if (form.dataset.ready) return;
    form.dataset.ready = "1";
    const key = form.dataset.draft;
    const note = form.querySelector("[data-draft-note]");
    const refused = form.closest("#timeline").querySelector("[data-faults], .notice.bad");
    const kept = store.read(key);
    if (kept && !refused && !isEmpty(kept) && isEmpty(draftOf(form))) {
      restore(form, kept);
      form.dataset.unsaved = "1";
      note.hidden = false;
    }
    let timer = 0;
    const keep = () => {
      const draft = draftOf(form);
      store.write(key, isEmpty(draft) ? null : draft);
      note.hidden = isEmpty(draft);
    };
    if (refused && !isEmpty(draftOf(form))) form.dataset.unsaved = "1";
    form.addEventListener("input", () => {
      if (isEmpty(draftOf(form))) delete form.dataset.unsaved;
      else form.dataset.unsaved = "1"; // leaving it warns
      clearTimeout(timer);
      timer = setTimeout(keep, 200);
    });
    addEventListener("pagehide", () => timer && !form.dataset.taken && form.isConnected && keep());

    const suggest = async () => {
      const subject = form.elements.subject;
      if (form.elements.kind.value !== "email" || subject.value || subject.dataset.asked) return;
      subject.dataset.asked = "1";
      try {
        const answer = await fetch(subject.dataset.suggested, { redirect: "error" });
        if (answer.ok && !subject.value) subject.value = await answer.text();
      } catch {
        // the subject is typed instead
      }
    };
    form.addEventListener("change", suggest);
    suggest();
    form.elements.files.addEventListener("change", () => drawFiles(form));
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    // the server sends the page elsewhere once everything is written: then the draft has served
    form.addEventListener("htmx:beforeOnLoad", (event) => {
      if (!event.detail.xhr.getResponseHeader("HX-Redirect")) return;
      clearTimeout(timer);
      form.dataset.taken = "1";
      store.write(key, null);
    });
    mentions(form);
  };
  const readyAll = () => document.querySelectorAll("[data-composer]").forEach(ready);

  const first = document.querySelector("[data-composer]");
  if (first) store.tidy(first.dataset.draft.split("-")[0]);
  readyAll();
  document.addEventListener("htmx:afterSettle", readyAll);

  // -- details in their rows: Escape leaves the row as it was
  document.addEventListener("keydown", (event) => {
    const form = event.key === "Escape" && event.target.closest("[data-inline]");
    if (!form) return;
    event.preventDefault();
    form.querySelector("[data-cancel]").click();
  });
}
