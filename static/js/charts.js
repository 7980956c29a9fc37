"use strict";
// Adds to the charts the server drew: tooltips by mouse, touch and keyboard, arrow keys between points, PNG pictures.
{
  const make = (tag, css, text) => {
    const node = document.createElement(tag);
    if (css) node.className = css;
    if (text) node.textContent = text;
    return node;
  };
  const hitOf = (event) => event.target.closest?.(".chart .hit");
  const tip = make("div", "tip");
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true"); // a screen reader has the same words as the point's name
  let shown = null;

  // -- tooltip
  const content = (hit) => {
    if (hit.dataset.tip) return JSON.parse(hit.dataset.tip);
    const [title, rest = ""] = hit.getAttribute("aria-label").split(/: (.*)/);
    return { t: title, r: rest.split("; ").map((text) => ["", text, ""]) };
  };

  const show = (hit, x, y) => {
    if (shown !== hit) {
      hide();
      shown = hit;
      hit.classList.add("on");
      const { t, d, g, r } = content(hit);
      const head = make("b", "", t);
      if (d) head.append(make("span", `delta ${g}`, d));
      const rows = r.map(([name, text, css]) => {
        const row = make("p", css);
        row.append(make("span", "", name), make("span", "", text));
        return row;
      });
      tip.className = `tip ${hit.getAttribute("class").match(/\bs-\w+/)?.[0] ?? ""}`;
      tip.replaceChildren(head, ...rows);
      document.body.append(tip);
      tip.hidden = false;
    }
    const wide = tip.offsetWidth;
    const left = x + 18 + wide > innerWidth ? x - wide - 14 : x + 18;
    tip.style.left = `${Math.max(8, Math.min(left, innerWidth - wide - 8))}px`;
    tip.style.top = `${Math.max(8, Math.min(innerHeight - tip.offsetHeight - 8, y - tip.offsetHeight - 14))}px`;
  };

  const hide = () => {
    shown?.classList.remove("on");
    shown = null;
    tip.hidden = true;
  };

  document.addEventListener("pointermove", (event) => {
    const hit = hitOf(event);
    if (hit) show(hit, event.clientX, event.clientY);
    else if (shown && event.pointerType === "mouse") hide();
  });

  // the first touch tells, the second opens
  let touched = null;
  document.addEventListener("pointerdown", (event) => {
    const hit = hitOf(event);
    touched = event.pointerType === "touch" && hit && hit !== shown ? hit : null;
    if (touched) show(hit, event.clientX, event.clientY);
    else if (!hit) hide();
  });
  document.addEventListener("click", (event) => {
    if (touched && hitOf(event) === touched) event.preventDefault();
    touched = null;
  });

  // -- keyboard: Tab enters a chart and leaves it, arrows move within
  document.addEventListener("focusin", (event) => {
    const hit = hitOf(event);
    if (!hit) return hide();
    for (const other of hit.ownerSVGElement.querySelectorAll(".hit"))
      other.setAttribute("tabindex", other === hit ? "0" : "-1");
    if (!hit.matches(":focus-visible")) return;
    const box = (hit.querySelector(".pc, .bar, .median, .shade") ?? hit).getBoundingClientRect();
    show(hit, box.right, box.top);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && shown) return hide();
    const hit = hitOf(event);
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!hit || (!step && event.key !== "Home" && event.key !== "End")) return;
    const all = [...hit.ownerSVGElement.querySelectorAll(".hit")];
    const next = step ? all[all.indexOf(hit) + step] : all.at(event.key === "Home" ? 0 : -1);
    event.preventDefault();
    next?.focus();
  });
  addEventListener("scroll", hide, { passive: true, capture: true });

  // -- PNG: the picture as it looks now, with its title, period and legend
  const KEPT = (
    "fill fill-opacity stroke stroke-width stroke-opacity stroke-dasharray stroke-linecap stroke-linejoin opacity " +
    "font-size font-weight font-family"
  ).split(" ");

  const portrait = (svg) => {
    const copy = svg.cloneNode(true);
    const from = svg.querySelectorAll("*");
    copy.querySelectorAll("*").forEach((node, index) => {
      const look = getComputedStyle(from[index]);
      for (const name of KEPT) node.setAttribute(name, look.getPropertyValue(name));
      for (const name of ["class", "data-tip", "aria-label", "href"]) node.removeAttribute(name);
    });
    const { width, height } = svg.viewBox.baseVal;
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
    return image.decode().then(() => ({ image, width, height }));
  };

  // the legend's marks are drawn by the stylesheet: what it says of them is drawn here again
  const mark = (pen, key, x, middle) => {
    const look = getComputedStyle(key, "::before");
    const [wide, tall, round] = [look.width, look.height, look.borderTopLeftRadius].map((size) => parseFloat(size) || 0);
    const top = middle - tall / 2;
    pen.save();
    if (look.rotate !== "none") {
      pen.translate(x + wide / 2, middle);
      pen.rotate((parseFloat(look.rotate) * Math.PI) / 180);
      pen.translate(-x - wide / 2, -middle);
    }
    pen.beginPath();
    pen.roundRect(x, top, wide, tall, look.borderTopLeftRadius.endsWith("%") ? wide / 2 : round);
    pen.fillStyle = look.backgroundColor;
    pen.fill();
    if (look.backgroundImage !== "none") {
      pen.strokeStyle = getComputedStyle(key).color;
      pen.stroke();
      pen.beginPath();
      for (const at of [0.35, 0.7, 1]) {
        pen.moveTo(x, top + tall * at);
        pen.lineTo(x + wide * at, top);
      }
      pen.stroke();
    }
    const sides = {
      Top: [x, top, x + wide, top],
      Bottom: [x, top + tall, x + wide, top + tall],
      Left: [x, top, x, top + tall],
      Right: [x + wide, top, x + wide, top + tall],
    };
    for (const [side, [x1, y1, x2, y2]] of Object.entries(sides)) {
      const thick = parseFloat(look[`border${side}Width`]) || 0;
      if (!thick) continue;
      pen.beginPath();
      pen.lineWidth = thick;
      pen.strokeStyle = look[`border${side}Color`];
      pen.setLineDash({ dotted: [thick, thick], dashed: [5, 3] }[look[`border${side}Style`]] ?? []);
      pen.moveTo(x1, y1);
      pen.lineTo(x2, y2);
      pen.stroke();
    }
    pen.restore();
    return wide;
  };

  const GAP = 7;
  const BETWEEN = 18;

  // where each entry of the legend stands, in rows no wider than the drawing: [entry, x, row]
  const placed = (pen, keys, width) => {
    let [x, row] = [0, 0];
    return keys.map((key) => {
      const wide = parseFloat(getComputedStyle(key, "::before").width) + GAP + pen.measureText(key.textContent).width;
      if (x && x + wide > width) [x, row] = [0, row + 1];
      const found = [key, x, row];
      x += wide + BETWEEN;
      return found;
    });
  };

  const picture = async (panel) => {
    hide();
    const svg = [...panel.querySelectorAll("svg.chart")].find((found) => found.clientWidth);
    const { image, width, height } = await portrait(svg);
    const ink = getComputedStyle(panel);
    const canvas = make("canvas");
    const pen = canvas.getContext("2d");
    const named = [panel.querySelector("h2"), panel.querySelector("header .seg [aria-current]")];
    const lines = [
      [named.map((part) => part?.textContent.trim()).filter(Boolean).join(" · "), `600 16px ${ink.fontFamily}`],
      [panel.querySelector("[data-period]")?.textContent.trim(), `13px ${ink.fontFamily}`],
    ].filter(([text]) => text);
    const small = `12px ${ink.fontFamily}`;
    pen.font = small;
    const legend = placed(pen, [...panel.querySelectorAll(".legend li")], width);
    const below = 30 + lines.length * 20;
    const head = 22 + (lines.length + (legend.at(-1)?.[2] ?? -1) + 1) * 20;
    canvas.width = (width + 32) * 2;
    canvas.height = (height + head + 16) * 2;
    pen.scale(2, 2);
    pen.fillStyle = ink.backgroundColor;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = ink.color;
    lines.forEach(([text, font], index) => {
      pen.font = font;
      pen.fillText(text, 16, 30 + index * 20, width);
    });
    pen.font = small;
    for (const [key, x, row] of legend) {
      const wide = mark(pen, key, 16 + x, below + row * 20 - 4);
      pen.fillText(key.textContent, 16 + x + wide + GAP, below + row * 20, width);
    }
    pen.drawImage(image, 16, head, width, height);
    canvas.toBlob((blob) => {
      const link = make("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${panel.dataset.chart}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-png]");
    if (button) picture(button.closest("[data-chart]"));
  });
  const reveal = () => document.querySelectorAll("[data-png]").forEach((button) => (button.hidden = false));
  reveal();
  document.addEventListener("htmx:afterSwap", () => {
    hide();
    reveal();
  });
}
