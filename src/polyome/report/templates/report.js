"use strict";
// Points in a canvas: coloured by one of several things, hovered, filtered by class.
(() => {
  const RAMP = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];
  const tip = document.getElementById("tip");
  const shown = (v) => (v === null ? "not known" : Math.abs(v) >= 1000 || v === 0 ? String(v) : Number(v).toPrecision(3));

  const make = (tag, parent, text) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  };

  function rampColor(share) {
    const at = Math.min(Math.max(share, 0), 1) * (RAMP.length - 1);
    const i = Math.min(Math.floor(at), RAMP.length - 2);
    const part = (hex, k) => parseInt(hex.slice(1 + 2 * k, 3 + 2 * k), 16);
    const mixed = [0, 1, 2].map((k) => Math.round(part(RAMP[i], k) + (part(RAMP[i + 1], k) - part(RAMP[i], k)) * (at - i)));
    return `rgb(${mixed.join(",")})`;
  }

  function start(box) {
    const data = JSON.parse(box.querySelector("script").textContent);
    const n = data.x.length;
    const state = { coloring: 0, only: new Set(), hover: -1 };
    const modes = make("div", box);
    modes.className = "bar";
    const canvas = make("canvas", box);
    const legend = make("div", box);
    legend.className = "bar classes";
    const pen = canvas.getContext("2d");
    // Drawn in an order that hides no class behind another.
    const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => ((a * 7919) % n) - ((b * 7919) % n));

    const frame = () => {
      const margin = data.axes ? 34 : 14;
      const width = canvas.clientWidth, height = canvas.clientHeight;
      let w = width - 2 * margin, h = height - 2 * margin;
      if (data.ratio) { w = Math.min(w, h / data.ratio); h = w * data.ratio; }
      return { left: (width - w) / 2, top: (height - h) / 2, w, h };
    };
    const place = (f, i) => [f.left + (data.x[i] / data.grid) * f.w, f.top + (data.y[i] / data.grid) * f.h];
    const range = (c) => [Math.min(...c.ends), Math.max(...c.ends)];
    for (const c of data.colorings) {
      if (c.kind === "value") c.ends = c.values.filter((v) => v !== null)
        .reduce((e, v) => [Math.min(e[0], v), Math.max(e[1], v)], [Infinity, -Infinity]);
    }
    const colorOf = (c, i) => {
      if (c.kind === "class") return c.colors[c.values[i]];
      if (c.values[i] === null) return "#8a8f98";
      const [low, high] = range(c);
      return rampColor(high > low ? (c.values[i] - low) / (high - low) : 1);
    };
    const isOn = (c, i) => c.kind !== "class" || !state.only.size || state.only.has(c.values[i]);

    function draw() {
      const scale = window.devicePixelRatio || 1, width = canvas.clientWidth;
      if (!width) return;
      const height = Math.round(Math.min(width * Math.min(Math.max(data.ratio || 0.7, 0.3), 1.4), 620));
      canvas.style.height = `${height}px`;
      canvas.width = width * scale;
      canvas.height = height * scale;
      pen.scale(scale, scale);
      const f = frame(), c = data.colorings[state.coloring], ink = getComputedStyle(box);
      const radius = Math.min(Math.max(90 / Math.sqrt(n), 1.4), 4.2);
      if (data.axes) drawAxes(f, ink);
      for (const faint of [true, false]) {
        for (const i of order) {
          if (isOn(c, i) === faint) continue;
          const [x, y] = place(f, i);
          pen.globalAlpha = faint ? 0.25 : 0.85;
          pen.fillStyle = faint ? ink.getPropertyValue("--faint") : colorOf(c, i);
          pen.beginPath();
          pen.arc(x, y, faint ? radius * 0.7 : radius, 0, 7);
          pen.fill();
        }
      }
      pen.globalAlpha = 1;
      if (state.hover >= 0) {
        const [x, y] = place(f, state.hover);
        pen.strokeStyle = ink.getPropertyValue("--ink");
        pen.lineWidth = 1.5;
        pen.beginPath();
        pen.arc(x, y, radius + 3, 0, 7);
        pen.stroke();
      }
    }

    function drawAxes(f, ink) {
      pen.strokeStyle = ink.getPropertyValue("--rule");
      pen.fillStyle = ink.getPropertyValue("--soft");
      pen.font = "12px system-ui, sans-serif";
      pen.strokeRect(f.left, f.top, f.w, f.h);
      if (data.diagonal) {
        pen.setLineDash([3, 4]);
        pen.beginPath();
        pen.moveTo(f.left, f.top + f.h);
        pen.lineTo(f.left + f.w, f.top);
        pen.stroke();
        pen.setLineDash([]);
      }
      const text = (words, x, y, align) => { pen.textAlign = align; pen.fillText(words, x, y); };
      text(shown(data.low[0]), f.left, f.top + f.h + 15, "left");
      text(data.axes[0], f.left + f.w / 2, f.top + f.h + 15, "center");
      text(shown(data.high[0]), f.left + f.w, f.top + f.h + 15, "right");
      pen.save();
      pen.translate(f.left - 8, f.top + f.h);
      pen.rotate(-Math.PI / 2);
      text(shown(data.low[1]), 0, 0, "left");
      text(data.axes[1], f.h / 2, 0, "center");
      text(shown(data.high[1]), f.h, 0, "right");
      pen.restore();
    }

    function drawLegend() {
      const c = data.colorings[state.coloring];
      legend.replaceChildren();
      if (c.kind === "value") {
        const [low, high] = range(c);
        make("small", legend, shown(low));
        make("span", legend).className = "ramp";
        legend.lastChild.style.background = `linear-gradient(90deg, ${RAMP.join(",")})`;
        make("small", legend, shown(high));
        return;
      }
      const counts = c.labels.map(() => 0);
      for (const v of c.values) counts[v] += 1;
      c.labels.forEach((label, k) => {
        const button = make("button", legend);
        button.type = "button";
        make("i", button).style.background = c.colors[k];
        button.append(`${label} `);
        make("small", button, counts[k].toLocaleString("en"));
        button.setAttribute("aria-pressed", state.only.has(k));
        button.className = state.only.size && !state.only.has(k) ? "off" : "";
        button.onclick = () => {
          if (!state.only.delete(k)) state.only.add(k);
          drawLegend();
          draw();
        };
      });
    }

    data.colorings.forEach((c, k) => {
      if (data.colorings.length < 2) return;
      const button = make("button", modes, c.title);
      button.type = "button";
      button.setAttribute("aria-pressed", k === 0);
      button.onclick = () => {
        state.coloring = k;
        state.only.clear();
        [...modes.children].forEach((b, j) => b.setAttribute("aria-pressed", j === k));
        drawLegend();
        draw();
      };
    });

    function nearest(event) {
      const at = canvas.getBoundingClientRect(), f = frame(), c = data.colorings[state.coloring];
      let best = -1, least = 144;
      for (let i = 0; i < n; i += 1) {
        if (!isOn(c, i)) continue;
        const [x, y] = place(f, i);
        const d = (x - event.clientX + at.left) ** 2 + (y - event.clientY + at.top) ** 2;
        if (d < least) { least = d; best = i; }
      }
      return best;
    }
    function point(event) {
      const i = nearest(event);
      if (i !== state.hover) { state.hover = i; draw(); }
      tip.hidden = i < 0;
      if (i < 0) return;
      const said = data.colorings.filter((c) => c.kind === "value" || c.labels.length > 1)
        .map((c) => `${c.title}: ${c.kind === "class" ? c.labels[c.values[i]] : shown(c.values[i])}`);
      tip.textContent = [data.names[i], ...said].join("\n");
      const wide = document.documentElement.clientWidth;
      tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, wide - tip.offsetWidth - 8))}px`;
      const above = event.clientY + 18 + tip.offsetHeight > window.innerHeight;
      tip.style.top = `${above ? event.clientY - tip.offsetHeight - 12 : event.clientY + 18}px`;
    }
    const leave = () => { tip.hidden = true; if (state.hover >= 0) { state.hover = -1; draw(); } };
    canvas.addEventListener("pointermove", point);
    canvas.addEventListener("pointerdown", point);
    canvas.addEventListener("pointerleave", leave);
    new ResizeObserver(draw).observe(box);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    window.addEventListener("beforeprint", draw);
    drawLegend();
    draw();
  }

  document.querySelectorAll(".scatter").forEach(start);
  // Print what is folded away.
  window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
})();
