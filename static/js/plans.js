"use strict";
// The plan's grid: paste from a spreadsheet, move by keys, see what is not saved yet. The form saves without it.
{
  const form = document.querySelector("[data-plan]");
  const rows = form ? [...form.querySelectorAll("tr[data-row]")] : [];
  const cells = rows.map((row) => [...row.querySelectorAll("input")]);
  const all = cells.flat();
  const language = document.documentElement.lang || "en";
  const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 4 });
  const shares = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 2 });

  // -- numbers, by the rules of the server: "1 234,5", "1,234.5", "44%", "$1,000"; null is empty, NaN is none
  const isGroup = (text, mark) => mark === "," && form.dataset.decimal !== "," && /^[1-9]\d{0,2},\d{3}$/.test(text);
  const read = (typed, isShare) => {
    let text = typed.trim();
    if (["", "-", "—", "–"].includes(text)) return null;
    const percent = text.endsWith("%");
    if (percent) text = text.slice(0, -1);
    text = text
      .replace(/[\uff01-\uff5e]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
      .replace(/\p{Cf}/gu, "")
      .replace(/[\s'’]+/g, " ")
      .replace(/^ ?(?:[a-z]{0,3}\p{Sc}|[a-z]{3}(?![a-z])|руб\.?|р\.)|(?:[a-z]{0,3}\p{Sc}|[a-z]{3}|руб\.?|р\.) ?$/giu, "")
      .trim();
    if (percent && !isShare) return NaN;
    const marks = [",", "."].filter((mark) => text.includes(mark));
    let point = "";
    if (marks.length === 2) point = text.lastIndexOf(",") > text.lastIndexOf(".") ? "," : ".";
    else if (marks.length && text.split(marks[0]).length === 2 && !isGroup(text, marks[0])) point = marks[0];
    const at = point ? text.indexOf(point) : -1;
    const whole = at < 0 ? text : text.slice(0, at);
    const rest = at < 0 ? "" : text.slice(at + 1);
    const right = /^\d+$|^\d{1,3}([ ,.])\d{3}(?:\1\d{3})*$/.test(whole) || (!whole && rest);
    if (!right || !/^\d*$/.test(rest)) return NaN;
    let found = Number(`${whole.replace(/\D/g, "") || 0}.${rest || 0}`);
    if (isShare && (percent || found > 1)) found /= 100;
    return found < 1e14 ? Math.round(found * 1e4) / 1e4 : NaN;
  };
  const isShare = (input) => "share" in input.closest("tr").dataset;
  const value = (input) => read(input.value, isShare(input));
  const differs = (input) => {
    const now = value(input);
    return Number.isNaN(now) || now !== read(input.dataset.was, isShare(input));
  };

  // -- what the page shows of it
  const state = form?.querySelector("[data-plan-state]");
  const unsaved = () => all.filter(differs).length;
  const tell = (words) => {
    const n = unsaved();
    state.textContent = words ?? (n ? form.dataset.unsaved.replace("{n}", numbers.format(n)) : "");
  };
  const check = (input) => {
    const bad = Number.isNaN(value(input));
    const cell = input.parentElement;
    const id = `${input.id}-why`;
    let why = cell.querySelector(".why");
    cell.classList.remove("faulty");
    cell.classList.toggle("changed", differs(input));
    if (bad) {
      input.setAttribute("aria-invalid", "true");
      if (!why) {
        why = document.createElement("small");
        why.className = "why";
        why.id = id;
        input.after(why);
      }
      why.textContent = form.dataset.bad;
      input.setAttribute("aria-describedby", id);
    } else {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
      why?.remove();
    }
  };
  const sum = (inputs) => {
    const known = inputs.map(value).filter((one) => one !== null && !Number.isNaN(one));
    return known.length ? known.reduce((total, one) => total + one, 0) : null;
  };
  const words = (total) => (total === null ? "" : numbers.format(total));
  const total = (row) => {
    if ("adds" in row.dataset) row.querySelector("[data-total]").textContent = words(sum([...row.querySelectorAll("input")]));
  };
  const scope = (input) => input.id.split("|").slice(2).join("|");
  const sums = () => {
    for (const row of form.querySelectorAll("tr[data-sum]")) {
      const own = cells.filter((line) => scope(line[0]).startsWith(`${row.dataset.sum}:`));
      const whole = cells.find((line) => scope(line[0]) === "all");
      const shown = [...row.querySelectorAll("td")];
      for (let month = 0; month < 12; month += 1) {
        const found = sum(own.map((line) => line[month]));
        const everybody = whole ? value(whole[month]) : null;
        shown[month].textContent = words(found);
        shown[month].classList.toggle("differs", found !== null && everybody !== null && Math.abs(found - everybody) > 5e-5);
      }
      shown[12].textContent = words(sum(own.flat()));
    }
  };
  const update = (inputs, said) => {
    inputs.forEach(check);
    new Set(inputs.map((input) => input.closest("tr"))).forEach(total);
    sums();
    tell(said);
  };

  // -- a paste fills the cells from here on to the right and down; Ctrl Z takes it back as one
  const pastes = [];
  const place = (input) => {
    const row = cells.findIndex((line) => line.includes(input));
    return [row, row < 0 ? -1 : cells[row].indexOf(input)];
  };
  const spread = (input, text) => {
    const lines = text.replace(/\r\n?/g, "\n").replace(/\n+$/, "").split("\n");
    const [top, left] = place(input);
    const done = [];
    lines.forEach((line, down) =>
      line.split("\t").forEach((piece, right) => {
        const cell = cells[top + down]?.[left + right];
        if (!cell) return;
        const before = cell.value;
        cell.value = piece.trim().replace(/^"(.*)"$/, "$1").slice(0, 60);
        done.push({ cell, before, after: cell.value });
      }),
    );
    pastes.push(done);
    update(done.map((one) => one.cell), form.dataset.pasted.replace("{n}", numbers.format(done.length)));
  };
  const takeBack = () => {
    const last = pastes[pastes.length - 1];
    if (!last || last.some(({ cell, after }) => cell.value !== after)) return false;
    pastes.pop();
    for (const { cell, before } of last) cell.value = before;
    update(last.map((one) => one.cell));
    return true;
  };

  const move = (input, down, right) => {
    const [row, column] = place(input);
    const next = cells[row + down]?.[column + right];
    if (!next) return false;
    next.focus();
    next.select();
    return true;
  };
  const isWhole = (input) => input.selectionStart === 0 && input.selectionEnd === input.value.length;
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

  if (form) {
    form.addEventListener("paste", (event) => {
      if (!all.includes(event.target)) return;
      const text = event.clipboardData.getData("text/plain");
      if (!/[\t\n\r]/.test(text.trim())) return;
      event.preventDefault();
      spread(event.target, text);
    });
    form.addEventListener("input", (event) => all.includes(event.target) && update([event.target]));
    form.addEventListener("focusin", (event) => all.includes(event.target) && event.target.select());
    form.addEventListener("focusout", (event) => {
      const input = event.target;
      if (!all.includes(input)) return;
      const found = value(input);
      if (found !== null && !Number.isNaN(found)) input.value = (isShare(input) ? shares : numbers).format(found);
    });
    form.addEventListener("keydown", (event) => {
      const input = event.target;
      if (!all.includes(input) || event.altKey || event.isComposing) return;
      const command = event.ctrlKey || event.metaKey;
      if (command && !event.shiftKey && event.key.toLowerCase() === "z") {
        if (takeBack()) event.preventDefault();
      } else if (command) {
        return;
      } else if (event.key === "Enter") {
        event.preventDefault();
        move(input, event.shiftKey ? -1 : 1, 0);
      } else if (event.key === "Escape") {
        input.value = input.dataset.was;
        update([input]);
        input.select();
      } else if (steps[event.key] && !event.shiftKey) {
        const [down, right] = steps[event.key];
        const edge = right < 0 ? input.selectionEnd === 0 : input.selectionStart === input.value.length;
        if ((down || isWhole(input) || edge) && move(input, down, right)) event.preventDefault();
      }
    });

    // -- what is not saved is not left behind unasked
    let leaving = false;
    form.addEventListener("submit", () => (leaving = true));
    addEventListener("pageshow", () => (leaving = false));
    addEventListener("beforeunload", (event) => {
      if (!leaving && unsaved()) event.preventDefault();
    });
    for (const input of all) if (differs(input) && !input.closest(".faulty")) update([input]);
    tell();
  }
}
