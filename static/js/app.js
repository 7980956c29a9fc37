"use strict";
// The shell's manners: theme, dialog, menus, toasts, search palette, and below them what is new for the reader. Every page
// works without it; with it, in place. One file, so that a cold page stays within eight requests.
{
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);

  // -- theme: the form posts without a script; with one the page changes at once and a year-long cookie remembers it
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-theme-switch]")) return;
    event.preventDefault();
    const theme = event.submitter.value;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax${secure}`;
    root.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-switch] button"))
      button.setAttribute("aria-pressed", String(button.value === theme));
  });

  // -- dialog: whatever htmx puts into #dialog opens it; the answer to its form may close it
  const dialog = $("dialog");
  let opener = null;

  const closeDialog = () => dialog.open && dialog.close();

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target === dialog && !dialog.contains(event.detail.elt)) opener = event.detail.elt;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== dialog || !dialog.firstElementChild) return;
    if (event.detail.xhr?.getResponseHeader("HX-Reswap") === "none") return; // only a toast came
    if (!dialog.open) dialog.showModal();
    const first =
      dialog.querySelector("[data-faults]") ??
      dialog.querySelector("[autofocus]") ??
      dialog.querySelector("input:not([type=hidden]), select, textarea, .options button:not(:disabled), .options a");
    first?.focus();
  });
  dialog?.addEventListener("close", () => {
    dialog.replaceChildren();
    if (opener?.isConnected) opener.focus();
    opener = null;
  });
  // the server says "closeDialog" in HX-Trigger when the act is done
  document.addEventListener("closeDialog", closeDialog);

  // and in "counts" what the marks of the bar say from now on
  document.addEventListener("counts", (event) => {
    for (const mark of document.querySelectorAll("[data-count]")) {
      const number = event.detail[mark.dataset.count];
      if (typeof number !== "number") continue;
      mark.textContent = number >= 100 ? "100+" : String(number);
      mark.hidden = !number;
    }
  });

  document.addEventListener("click", (event) => {
    const open = event.target.closest("dialog");
    if (event.target.closest("[data-close]")) {
      event.preventDefault();
      open?.close();
    } else if (open && event.target === open) {
      const box = open.getBoundingClientRect();
      const inside =
        event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside) open.close();
    }
  });

  // a link that may open in the dialog: what it leads to draws itself either way
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    htmx.ajax("GET", link.getAttribute("href"), { target: dialog, source: link, swap: "innerHTML" });
  });

  // a refused form draws its faults: take the reader there
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target === dialog) return;
    event.detail.elt?.querySelector?.("[data-faults]")?.focus();
  });
  document.querySelector("main [data-faults]")?.focus();

  // -- menus: one open at a time, closed by Escape and by a click elsewhere
  const menus = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("click", (event) => {
    for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // -- toasts: they leave by themselves, but not while somebody reads them; errors stay until closed
  const toasts = $("toasts");
  const LINGER = 6000;
  const LINGER_UNDO = 12000;

  const leave = (toast) => {
    toast.classList.add("leaving");
    setTimeout(() => toast.remove(), 200);
  };
  const attend = (toast) => {
    if (toast.dataset.attended) return;
    toast.dataset.attended = "1";
    if (toast.classList.contains("error")) return;
    let timer;
    const start = () => {
      clearTimeout(timer);
      timer = setTimeout(() => leave(toast), toast.querySelector("form") ? LINGER_UNDO : LINGER);
    };
    const stop = () => clearTimeout(timer);
    toast.addEventListener("pointerenter", stop);
    toast.addEventListener("pointerleave", start);
    toast.addEventListener("focusin", stop);
    toast.addEventListener("focusout", start);
    start();
  };
  const complain = (words) => {
    if (!words || [...toasts.querySelectorAll("p")].some((said) => said.textContent === words)) return;
    const toast = $("toast-template").content.firstElementChild.cloneNode(true);
    toast.querySelector("p").textContent = words;
    toasts.append(toast);
  };
  if (toasts) {
    new MutationObserver(() => toasts.querySelectorAll(".toast").forEach(attend)).observe(toasts, { childList: true });
    toasts.querySelectorAll(".toast").forEach(attend);
    toasts.addEventListener("click", (event) => {
      if (event.target.closest("[data-dismiss]")) leave(event.target.closest(".toast"));
    });
    const words = { 403: "forbidden", 404: "gone", 410: "gone", 429: "often" };
    document.addEventListener("htmx:responseError", (event) =>
      complain(toasts.dataset[words[event.detail.xhr.status] ?? "failed"]),
    );
    for (const name of ["htmx:sendError", "htmx:timeout"])
      document.addEventListener(name, () => complain(toasts.dataset.lost));
  }

  // -- search palette: Ctrl K, arrows, Enter
  const palette = $("palette");
  if (palette) {
    const input = palette.querySelector("input[type=search]");
    const list = $("palette-list");
    const options = () => [...list.querySelectorAll("a[role=option]")];

    const choose = (option) => {
      for (const other of options()) other.setAttribute("aria-selected", String(other === option));
      if (!option) return input.removeAttribute("aria-activedescendant");
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    };
    const show = () => {
      if (palette.open) return;
      palette.showModal();
      input.select();
      if (!options().length) htmx.trigger(input, "palette:open");
    };
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        palette.open ? palette.close() : show();
      }
    });
    document.addEventListener("click", (event) => {
      const link = event.target.closest("[data-palette]");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if ($("side").matches(":popover-open")) $("side").hidePopover();
      show();
    });
    list.addEventListener("htmx:afterSwap", () => {
      options().forEach((option, index) => {
        option.id = `palette-option-${index}`;
        option.tabIndex = -1;
      });
      choose(options()[0]);
    });
    palette.addEventListener("keydown", (event) => {
      const all = options();
      const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        const step = event.key === "ArrowDown" ? 1 : -1;
        if (all.length) choose(all[(at + step + all.length) % all.length]);
      } else if (event.key === "Enter" && all[at]) {
        event.preventDefault();
        all[at].click();
      } else if (event.key === "Escape") {
        event.preventDefault(); // a search field would only be emptied
        palette.close();
      }
    });
  }
}

// What is new for the reader, without a reload: the number in the bar and the title, a toast for each new notice.
// A short question every now and then, answered "not modified" as a rule; none while the tab is out of sight.
{
  const body = document.body;
  const STORE = "news";
  const EVERY = Number(body.dataset.newsEvery || 20) * 1000;
  const LONGEST = 5 * 60 * 1000;
  const title = document.title;
  const who = body.dataset.newsOf;
  let timer = 0;
  let wait = EVERY;

  const read = () => {
    try {
      const kept = JSON.parse(sessionStorage.getItem(STORE)) ?? {};
      return kept.who === who ? kept : {};
    } catch {
      return {};
    }
  };
  const keep = (known) => {
    try {
      sessionStorage.setItem(STORE, JSON.stringify({ ...known, who }));
    } catch {
      // without a store each page starts anew
    }
  };

  const words = (unread) => (unread >= 100 ? "100+" : String(unread));
  const count = (unread) => {
    for (const mark of document.querySelectorAll("[data-count=news]")) {
      mark.textContent = words(unread);
      mark.hidden = !unread;
    }
    document.title = unread ? `(${words(unread)}) ${title}` : title;
  };

  const announce = (one) => {
    const toasts = document.getElementById("toasts");
    const toast = document.getElementById("news-template").content.firstElementChild.cloneNode(true);
    const link = toast.querySelector("a");
    link.href = one.url;
    link.querySelector("b").textContent = one.title;
    const words = link.querySelector("small");
    words.textContent = one.text;
    words.hidden = !one.text;
    toasts.append(toast);
  };

  const offer = (more) => {
    const bar = document.querySelector("[data-news-bar]");
    if (!bar || !more) return;
    bar.querySelector("[data-news-words]").textContent = body.dataset.newsWords;
    bar.hidden = false;
  };

  const ask = async () => {
    const known = read();
    const headers = { "X-Requested-With": "fetch" };
    if (known.mark) headers["If-None-Match"] = known.mark;
    const url = known.latest === undefined ? body.dataset.news : `${body.dataset.news}?after=${known.latest}`;
    const answer = await fetch(url, { headers, cache: "no-store", redirect: "error" });
    if (answer.status === 304) return;
    if (!answer.ok) throw new Error(String(answer.status));
    const told = await answer.json();
    count(told.unread);
    told.news.forEach(announce);
    offer(told.news.length);
    keep({ mark: answer.headers.get("ETag"), latest: told.latest });
  };

  const later = () => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(turn, wait);
  };
  const turn = async () => {
    try {
      await ask();
      wait = EVERY;
    } catch {
      wait = Math.min(wait * 2, LONGEST); // signed out, or the server is away: ask ever more seldom
    }
    later();
  };

  if (body.dataset.news) {
    const mark = document.querySelector("[data-count=news]");
    if (mark && !mark.hidden) document.title = `(${mark.textContent}) ${title}`;
    document.addEventListener("visibilitychange", () => {
      clearTimeout(timer);
      if (!document.hidden) turn();
    });
    timer = setTimeout(turn, Math.min(EVERY, 2000));
  }
}
