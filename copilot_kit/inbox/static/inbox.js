// What the pages do beyond links and forms: keys, live updates, claims. Without it everything can still be decided.
"use strict";

const root = document.body.dataset.root;
const page = document.body.dataset.page;
const shownAt = performance.now();
const DEAF_MS = 300; // a key meant for what stood here before

function signInFromAddress() {
  const form = document.querySelector("[data-sign-in]");
  const token = location.hash.slice(1);
  if (!form || !token) return;
  history.replaceState(null, "", location.pathname);
  form.elements.token.value = token;
  form.requestSubmit();
}

// Live: a region is replaced when the server shows it differently, unless something unsent is typed in it.
function isTypedIn(region) {
  return [...region.querySelectorAll("input:not([type=hidden]), textarea")].some((one) => one.value !== one.defaultValue);
}

function keepTyping(old, fresh) {
  const kept = [...old.querySelectorAll("textarea")].filter((one) => one.value !== one.defaultValue);
  if (!kept.length) return;
  const box = document.createElement("aside");
  box.className = "unsent";
  box.append("You had typed, unsent:");
  for (const one of kept) {
    const text = document.createElement("pre");
    text.textContent = one.value;
    box.append(text);
  }
  fresh.append(box);
}

// What a page hands back says what it shows: a form that keeps its typing gets the tokens of what is shown now.
function renewTokens(old, fresh) {
  const forms = [...fresh.querySelectorAll("form")];
  [...old.querySelectorAll("form")].forEach((form, index) => {
    const other = forms[index];
    if (!other || other.getAttribute("action") !== form.getAttribute("action")) return;
    for (const input of form.querySelectorAll("input[type=hidden]")) {
      const found = other.querySelector(`input[name="${CSS.escape(input.name)}"]`);
      if (found) input.value = found.value;
    }
    const [mine, theirs] = [form, other].map((one) => one.querySelector("button.yes"));
    if (mine && theirs) mine.disabled = theirs.disabled;
  });
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { "X-Live": "1" } });
  if (!answer.ok) return;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  const closed = next.querySelector("[data-card]")?.dataset.state !== document.querySelector("[data-card]")?.dataset.state;
  for (const region of document.querySelectorAll("[data-live]")) {
    const fresh = next.querySelector(`[data-live="${CSS.escape(region.dataset.live)}"]`);
    if (!fresh) continue;
    if (withoutTokens(fresh) === withoutTokens(region)) { renewTokens(region, fresh); continue; }
    if (isTypedIn(region)) {
      if (!closed) { renewTokens(region, fresh); continue; }
      keepTyping(region, fresh);
    }
    tell(fresh);
    region.replaceWith(fresh);
  }
  const state = next.querySelector("[data-card]")?.dataset.state;
  if (state) document.querySelector("[data-card]").dataset.state = state;
  document.title = next.title;
}

function withoutTokens(region) {
  const copy = region.cloneNode(true);
  for (const one of copy.querySelectorAll("input[type=hidden], time")) one.remove();
  return copy.innerHTML;
}

// Folds open in place; without this script the link loads the page with the fold open.
function unfold() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-unfold]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const here = new URL(location.href);
    here.searchParams.append("open", link.dataset.unfold);
    history.replaceState(null, "", here);
    refresh();
  });
}

// Times of day are the server's UTC until this writes them in the reader's own; spans grow while the page is open.
function tell(region = document) {
  for (const one of region.querySelectorAll("time[data-clock]")) {
    one.textContent = new Date(one.dateTime).toLocaleTimeString();
  }
  for (const one of region.querySelectorAll("time:not([data-clock])")) {
    const s = (Date.now() - new Date(one.dateTime).getTime()) / 1000;
    const [size, unit] = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]].find(([n]) => Math.abs(s) >= n) ?? [1, "second"];
    const count = Math.floor(Math.abs(s) / size);
    const words = `${count} ${unit}${count === 1 ? "" : "s"}`;
    one.textContent = s >= 0 ? `${words} ago` : `in ${words}`;
  }
}

// A question that runs out while it is looked at is shown as expired when it does.
function expire() {
  const until = document.querySelector("[data-card] .due time")?.getAttribute("datetime");
  if (!until) return;
  const left = new Date(until).getTime() - Date.now();
  if (left > 0 && left < 86400000) setTimeout(refresh, left + 500);
}

function listen() {
  if (!document.querySelector("[data-live]")) return;
  const events = new EventSource(`${root}/events`);
  const state = document.querySelector("[data-live-state]");
  let last = null;
  let busy = false;
  let again = false;
  const update = async () => {
    if (busy) { again = true; return; }
    busy = true;
    do { again = false; await refresh().catch(() => {}); } while (again);
    busy = false;
  };
  events.addEventListener("moved", (event) => {
    state.textContent = "live";
    if (last !== null && event.data !== last) update();
    last = event.data;
  });
  events.onerror = () => { state.textContent = "reconnecting"; };
  addEventListener("pagehide", () => events.close());
}

// Claims: others see that this card is open here, until it is closed or the page stops renewing.
function claim() {
  const card = document.querySelector("[data-claim]");
  if (!card) return;
  const send = (release) => {
    const body = new URLSearchParams({ csrf: document.body.dataset.csrf });
    if (release) body.set("release", "1");
    return fetch(card.dataset.claim, { method: "POST", body, keepalive: release });
  };
  const renew = async () => {
    if (card.dataset.state !== "pending" || document.hidden) return;
    const answer = await send(false).catch(() => null);
    if (!answer?.ok) return;
    const held = await answer.json();
    const line = document.querySelector("[data-claimed]");
    line.hidden = held.yours;
    line.textContent = held.yours ? "" : `Open at ${held.by} as well.`;
  };
  renew();
  setInterval(renew, (Number(card.dataset.claimS) * 1000) / 3);
  addEventListener("pagehide", () => { if (card.dataset.state === "pending") send(true); });
}

// Keys: the same as in the terminal. Never while typing, never with a modifier, never in the first moment.
function keys() {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest?.("input, textarea, select")) return;
    if (performance.now() - shownAt < DEAF_MS) return;
    if (page === "waiting" && (event.key === "j" || event.key === "k")) return move(event.key === "j" ? 1 : -1);
    if (event.key === "v") return document.querySelector('[data-unfold="*"]')?.click();
    const found = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (!found) return;
    event.preventDefault();
    if (found.tagName === "A") return found.click();
    if (found.tagName === "FORM") return found.querySelector("button")?.click(); // a disabled one does nothing
    found.open = !found.open;
    if (found.open) found.querySelector("textarea, input:not([type=hidden])")?.focus();
  });
}

function move(step) {
  const rows = [...document.querySelectorAll("a.open")];
  const at = rows.indexOf(document.activeElement);
  rows[Math.min(rows.length - 1, Math.max(0, at + step))]?.focus();
}

signInFromAddress();
listen();
claim();
unfold();
expire();
tell();
setInterval(() => tell(), 15000);
keys();
