"use strict";
// Draws the task stream: one row for each worker process, one bar for each task.

const mostBars = 40000;

class Stream {
  constructor(place) {
    this.place = place;
    this.canvas = place.querySelector("canvas");
    this.tip = place.querySelector(".tip");
    this.rows = [];
    this.bars = new Map(); // of each row, the oldest first
    this.drawn = [];       // what is where, for the pointer
    this.ahead = 0;        // of the server's clock before ours
    this.long = 60000;
    this.more = 0;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.dress());
    new ResizeObserver(() => this.draw()).observe(place);
    this.canvas.addEventListener("pointermove", (e) => this.point(e));
    this.canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    this.canvas.addEventListener("click", (e) => {
      const hit = this.under(e);
      if (hit?.task) location.href = "/tasks/" + encodeURIComponent(hit.task);
    });
    this.dress();
    this.roll(0);
  }

  // dress takes the colours from the stylesheet.
  dress() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue("--" + name).trim();
    this.colours = Array.from({ length: 12 }, (_, i) => colour("c" + i));
    this.bad = colour("badbar");
    this.text = colour("text");
    this.dim = colour("dim");
    this.row = colour("row");
    this.panel = colour("panel");
    this.font = getComputedStyle(document.body).fontFamily;
    this.draw();
  }

  take(news) {
    this.ahead = news.now - Date.now();
    this.long = news.long;
    this.more = news.more;
    this.rows = news.rows;
    const bars = new Map(news.rows.map((row) => [row.key, []]));
    let kept = 0;
    for (const [key, list] of this.bars) {
      const fresh = list.filter((bar) => bar.to > news.now - this.long - 5000);
      if (bars.has(key) && (kept += fresh.length) <= mostBars) bars.set(key, fresh);
    }
    for (const bar of news.bars) bars.get(bar.row)?.push(bar);
    this.bars = bars;
    this.draw();
  }

  // forget drops the bars, for they will be told again.
  forget() { this.bars = new Map(); }

  // roll has the stream move, unless that is not wanted.
  roll(at) {
    if (!this.still.matches && !document.hidden && at - (this.last ?? 0) > 80) {
      this.last = at;
      this.draw();
    }
    requestAnimationFrame((at) => this.roll(at));
  }

  draw() {
    const wide = this.place.clientWidth, narrow = wide < 520;
    const left = narrow ? 78 : 150, high = 20, foot = 20;
    const tall = Math.max(this.rows.length, 1) * high + foot;
    if (!wide) return;
    const ratio = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(wide * ratio) || this.canvas.height !== Math.round(tall * ratio)) {
      this.canvas.width = Math.round(wide * ratio);
      this.canvas.height = Math.round(tall * ratio);
      this.canvas.style.height = tall + "px";
    }
    const pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, wide, tall);
    pen.font = "11px " + this.font;
    pen.textBaseline = "middle";
    const now = Date.now() + this.ahead, from = now - this.long;
    const x = (time) => left + (wide - left) * (Math.max(time, from) - from) / this.long;
    this.drawn = [];

    pen.fillStyle = this.dim;
    for (let s = 0; s <= this.long / 1000; s += narrow ? 20 : 10) {
      const at = x(now - s * 1000);
      pen.textAlign = s === 0 ? "right" : s * 1000 === this.long ? "left" : "center";
      pen.fillText(s === 0 ? "now" : "−" + s + " s", at, tall - foot / 2 + 2);
    }
    pen.textAlign = "left";
    if (!this.rows.length) pen.fillText("no worker process", left + 8, high / 2);

    this.rows.forEach((row, i) => {
      const top = i * high + 2, size = high - 4;
      pen.fillStyle = row.state === "lost" || row.state === "backoff" || row.state === "down" ? this.bad : this.text;
      const label = narrow ? String(row.pid || row.state) : cut(pen, row.host, left - 62) + " " + (row.pid || row.state);
      pen.fillText(label, 0, top + size / 2 + 0.5);
      pen.fillStyle = this.row;
      pen.fillRect(left, top, wide - left, size);
      pen.fillStyle = this.panel;
      pen.fillRect(left, top + 1, wide - left, size - 2);
      // What failed lies above: it may have been short.
      const bars = (this.bars.get(row.key) ?? []).filter((bar) => bar.to >= from);
      for (const bar of bars) if (!bar.failed) this.bar(pen, bar, x(bar.from), x(bar.to), top, size);
      for (const bar of bars) if (bar.failed) this.bar(pen, bar, x(bar.from), x(bar.to), top, size);
      if (row.task) {
        this.bar(pen, { ...row, from: row.since, to: now, count: 1, runs: true }, x(row.since), x(now), top, size);
      }
    });
    if (this.more) {
      pen.fillStyle = this.dim;
      pen.fillText(this.more + " more", 0, tall - foot / 2 + 2);
    }
  }

  bar(pen, bar, from, to, top, size) {
    const width = Math.max(to - from, bar.failed ? 2 : 1);
    pen.fillStyle = bar.failed ? this.bad : this.colours[bar.colour];
    pen.fillRect(from, top, width, size);
    if (width > 3 && !bar.runs) { // so that neighbours of one func are told apart
      pen.fillStyle = this.panel;
      pen.fillRect(from + width - 0.6, top, 0.6, size);
    }
    if (bar.failed === "worker_died") {
      pen.strokeStyle = this.text;
      pen.lineWidth = 1.6;
      const at = Math.max(to - 4, from), mid = top + size / 2;
      pen.beginPath();
      pen.moveTo(at - 3.5, mid - 3.5); pen.lineTo(at + 3.5, mid + 3.5);
      pen.moveTo(at + 3.5, mid - 3.5); pen.lineTo(at - 3.5, mid + 3.5);
      pen.stroke();
    }
    this.label(pen, bar, from, width, top + size / 2);
    this.drawn.push({ bar, from: from - 2, to: from + width + 2, top, bottom: top + size });
  }

  // label writes how many tasks a bar stands for, where there is room.
  label(pen, bar, from, width, mid) {
    const text = bar.count > 1 ? "×" + bar.count : "";
    if (!text || pen.measureText(text).width + 8 > width) return;
    pen.fillStyle = this.panel;
    pen.fillText(text, from + 4, mid + 0.5);
  }

  under(e) {
    const box = this.canvas.getBoundingClientRect();
    const x = e.clientX - box.left, y = e.clientY - box.top;
    return this.drawn.findLast((d) => x >= d.from && x <= d.to && y >= d.top && y <= d.bottom)?.bar;
  }

  point(e) {
    const bar = this.under(e);
    this.tip.hidden = !bar;
    if (!bar) return;
    const lines = [bar.func || "no task", took(bar)];
    if (bar.failed) lines.push(bar.failed.replaceAll("_", " "));
    if (bar.task) lines.push((bar.count > 1 ? "last of them: " : "") + bar.task);
    this.tip.textContent = lines.join("\n");
    const box = this.canvas.getBoundingClientRect();
    const x = e.clientX - box.left;
    this.tip.style.left = Math.max(0, Math.min(x + 12, box.width - this.tip.offsetWidth)) + "px";
    this.tip.style.top = e.clientY - box.top + 16 + "px";
  }
}

function took(bar) {
  const ms = Math.max(bar.to - bar.from, 0);
  const time = ms < 1 ? Math.round(ms * 1000) + " µs" : ms < 1000 ? ms.toFixed(1) + " ms" : (ms / 1000).toFixed(2) + " s";
  return bar.runs ? "runs for " + time : bar.count > 1 ? bar.count + " tasks in " + time : time;
}

// cut shortens a text to a width.
function cut(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  while (text && pen.measureText(text + "…").width > width) text = text.slice(0, -1);
  return text + "…";
}

const place = document.querySelector("[data-stream]");
const stream = place ? new Stream(place) : null;
