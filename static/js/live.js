"use strict";
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
