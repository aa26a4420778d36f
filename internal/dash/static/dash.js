"use strict";
// Keeps a page live. The server sends what changes of it, whole, as HTML that it has
// escaped; this puts it in place, and leaves alone what is the same, so that focus,
// selection and what was opened stay. It also draws the task stream.

document.documentElement.classList.add("js");

const body = document.getElementById("body");
const pulse = document.getElementById("pulse");

// keyOf pairs an element with what it was before, wherever it stood.
const keyOf = (node) => node.nodeType === 1 ? node.getAttribute("data-key") : null;

// become makes a node's children those of another.
function become(node, wanted) {
  const keyed = new Map();
  for (const child of node.children) if (keyOf(child)) keyed.set(keyOf(child), child);
  let at = node.firstChild;
  for (const want of [...wanted.childNodes]) {
    let have = keyOf(want) ? keyed.get(keyOf(want)) : at;
    if (have && have !== at) node.insertBefore(have, at);
    if (!have || have.nodeName !== want.nodeName || keyOf(have) !== keyOf(want)) {
      node.insertBefore(want, at);
      continue;
    }
    at = have.nextSibling;
    if (have.nodeType !== 1) {
      if (have.nodeValue !== want.nodeValue) have.nodeValue = want.nodeValue;
    } else if (!have.hasAttribute("data-keep")) {
      likeAttributes(have, want);
      become(have, want);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function likeAttributes(have, want) {
  for (const { name } of [...have.attributes]) {
    if (!want.hasAttribute(name) && name !== "open") have.removeAttribute(name);
  }
  for (const { name, value } of want.attributes) {
    if (have.getAttribute(name) !== value && name !== "open") have.setAttribute(name, value);
  }
}

function show(html) {
  const wanted = document.createElement("template");
  wanted.innerHTML = html;
  become(body, wanted.content);
}

// The connection. A page that nobody sees needs none, and browsers have few.
let source = null, again = 0, heard = 0;

function connect() {
  clearTimeout(again);
  if (source || document.hidden) return;
  source = new EventSource(location.pathname + location.search);
  source.onopen = () => stream?.forget(); // all is told anew
  source.addEventListener("part", (e) => { news(); show(JSON.parse(e.data)); });
  source.addEventListener("stream", (e) => { news(); stream?.take(JSON.parse(e.data)); });
  source.addEventListener("beat", news);
  source.onerror = () => {
    say("not live, trying again", true);
    if (source && source.readyState === EventSource.CLOSED) {
      disconnect();
      again = setTimeout(connect, 5000);
    }
  };
}

function disconnect() {
  source?.close();
  source = null;
}

function news() {
  heard = Date.now();
  say("live", false);
}

function say(text, away) {
  if (pulse.textContent !== text) pulse.textContent = text;
  pulse.classList.toggle("away", away);
}

if (document.body.hasAttribute("data-live")) {
  connect();
  document.addEventListener("visibilitychange", () => document.hidden ? disconnect() : connect());
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", connect);
  setInterval(() => {
    if (document.hidden || Date.now() - heard < 15000) return;
    say("not live, trying again", true);
    disconnect();
    connect();
  }, 5000);
}
