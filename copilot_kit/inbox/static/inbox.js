// What the pages do beyond links and forms: keys, live updates, claims. Without it everything can still be decided.
"use strict";

const root = document.body.dataset.root;
const page = document.body.dataset.page;
const DEAF_MS = 300; // a key meant for what stood here before
let shownAt = performance.now();

const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const card = () => one("[data-card]");

function signInFromAddress() {
  const form = one("[data-sign-in]");
  const token = location.hash.slice(1);
  if (!form || !token) return;
  history.replaceState(null, "", location.pathname + location.search);
  form.elements.token.value = token;
  form.requestSubmit();
}

// Live: a region is replaced when the server shows it differently, and keeps what the person was about to do in it.
const FIELDS = "input:not([type=hidden]), textarea, select";

function isChanged(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.tagName === "SELECT") return [...field.options].some((option) => option.selected !== option.defaultSelected);
  return field.value !== field.defaultValue;
}

function addressOf(element) {
  const form = element.form ?? element.closest("form");
  const verdict = form?.elements.namedItem("verdict");
  return [form?.getAttribute("action"), verdict?.type === "hidden" ? verdict.value : "", element.name].join(" ");
}

function placeOf(element) {
  if (element.dataset.key) return `[data-key="${CSS.escape(element.dataset.key)}"]`;
  if (element.id) return `#${CSS.escape(element.id)}`;
  const row = element.closest("[data-row]");
  return row && element.matches("a.open") ? `[data-row="${CSS.escape(row.dataset.row)}"] a.open` : null;
}

// Moves open folds, unsent typing and the focus from what stood there to what stands there now; what has no place any
// more is shown as text, so that nobody types it twice.
function carry(old, fresh) {
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const [before, after] = [all("details", old), all("details", fresh)];
  before.forEach((fold) => {
    const key = one("summary", fold)?.textContent.trim();
    const same = after.find((other) => one("summary", other)?.textContent.trim() === key);
    if (same) same.open = fold.open;
  });
  const fields = new Map(all(FIELDS, fresh).filter((field) => field.name).map((field) => [addressOf(field), field]));
  const lost = [];
  for (const field of all(FIELDS, old)) {
    const same = field.name ? fields.get(addressOf(field)) : null;
    if (isChanged(field)) {
      if (!same) { lost.push(field); continue; }
      if (field.type === "checkbox" || field.type === "radio") same.checked = field.checked;
      else same.value = field.value;
    }
    if (field === active) fresh.focusNext = same;
  }
  const typed = lost.filter((field) => field.tagName === "TEXTAREA" && field.value.trim());
  if (typed.length) fresh.append(unsent(typed));
  const place = active && !fresh.focusNext ? placeOf(active) : null;
  if (place) fresh.focusNext = one(place, fresh);
  return { active, at: active && "selectionStart" in active ? [active.selectionStart, active.selectionEnd] : null };
}

function unsent(fields) {
  const box = document.createElement("aside");
  box.className = "unsent";
  box.append("You had typed, unsent:");
  for (const field of fields) {
    const text = document.createElement("pre");
    text.textContent = field.value;
    box.append(text);
  }
  return box;
}

function replace(old, fresh) {
  const { active, at } = carry(old, fresh);
  tell(fresh);
  old.replaceWith(fresh);
  shownAt = performance.now();
  if (!active) return;
  const next = fresh.focusNext ?? one("a.open", fresh);
  next?.focus({ preventScroll: true });
  if (at?.[0] != null && next?.setSelectionRange) try { next.setSelectionRange(...at); } catch { /* a kind without */ }
}

// What a page hands back says what it shows: a form that stays gets the tokens of what is shown now.
function renewTokens(old, fresh) {
  const forms = all("form", fresh);
  all("form", old).forEach((form, index) => {
    if (forms[index]?.getAttribute("action") !== form.getAttribute("action")) return;
    for (const input of all("input[type=hidden]", form)) {
      const found = all("input[type=hidden]", forms[index]).find((other) => other.name === input.name);
      if (found) input.value = found.value;
    }
  });
}

function asWritten(region) {
  const copy = region.cloneNode(true);
  for (const gone of all("input[type=hidden], time, .unsent", copy)) gone.remove();
  for (const fold of all("details", copy)) fold.removeAttribute("open");
  return copy.innerHTML;
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { "X-Live": "1" } });
  if (!answer.ok || answer.redirected) return;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const region of all("[data-live]")) {
    const fresh = one(`[data-live="${CSS.escape(region.dataset.live)}"]`, next);
    if (!fresh) continue;
    if (asWritten(fresh) === asWritten(region)) renewTokens(region, fresh);
    else replace(region, fresh);
  }
  const [now, then] = [one("[data-card]", next), card()];
  if (now && then && now.dataset.state !== then.dataset.state) {
    then.dataset.state = now.dataset.state;
    say(one("[data-live=state] .outcome")?.innerText ?? now.dataset.state);
  } else if (document.title !== next.title && page === "waiting") say(next.title);
  document.title = next.title;
}

function say(words) {
  one("[data-said]").textContent = words;
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
    refresh().catch(() => location.assign(here));
  });
}

// Times of day are the server's UTC until this writes them in the reader's own; spans grow while the page is open.
function tell(region = document) {
  for (const time of all("time", region)) {
    const at = new Date(time.dateTime);
    time.textContent = "clock" in time.dataset ? at.toLocaleTimeString() : span((Date.now() - at.getTime()) / 1000);
  }
}

function span(seconds) {
  const size = Math.abs(seconds);
  const units = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
  const [length, unit] = units.find(([least]) => size >= least) ?? units[3];
  const count = Math.floor(size / length);
  const words = `${count} ${unit}${count === 1 ? "" : "s"}`;
  return seconds >= 0 ? `${words} ago` : `in ${words}`;
}

// A question that runs out while it is looked at is shown as expired when it does.
function expire() {
  const until = one("[data-card] .due time")?.getAttribute("datetime");
  const left = until ? new Date(until).getTime() - Date.now() : 0;
  if (left > 0 && left < 86400000) setTimeout(() => refresh().catch(() => {}), left + 500);
}

function listen() {
  if (!one("[data-live]")) return;
  const state = one("[data-live-state]");
  let last = null;
  let busy = false;
  let again = false;
  const update = async () => {
    if (busy) { again = true; return; }
    busy = true;
    do { again = false; await refresh().catch(() => {}); } while (again);
    busy = false;
  };
  const open = () => {
    const events = new EventSource(`${root}/events`);
    events.addEventListener("moved", (event) => {
      state.textContent = "live";
      if (last !== null && event.data !== last) update();
      last = event.data;
    });
    events.onerror = () => { state.textContent = "reconnecting"; };
    addEventListener("pagehide", () => events.close(), { once: true });
  };
  open();
  addEventListener("pageshow", (event) => {
    shownAt = performance.now();
    if (!event.persisted) return;
    open(); // the browser kept the page while another was shown
    update();
  });
  document.addEventListener("visibilitychange", () => { shownAt = performance.now(); });
}

// Claims: others see that this card is open here, until it is closed or the page stops renewing.
function claim() {
  const open = one("[data-claim]");
  if (!open) return;
  const send = (release) => {
    const body = new URLSearchParams({ csrf: document.body.dataset.csrf });
    if (release) body.set("release", "1");
    return fetch(open.dataset.claim, { method: "POST", body, keepalive: release });
  };
  const renew = async () => {
    if (open.dataset.state !== "pending" || document.hidden) return;
    const answer = await send(false).catch(() => null);
    if (!answer?.ok) return;
    const held = await answer.json();
    const line = one("[data-claimed]");
    line.hidden = held.yours;
    line.textContent = held.yours ? "" : `${held.by} has this open`;
  };
  renew();
  setInterval(renew, (Number(open.dataset.claimS) * 1000) / 3);
  addEventListener("pagehide", () => { if (open.dataset.state === "pending") send(true); });
  addEventListener("pageshow", (event) => { if (event.persisted) renew(); });
}

// One press, one request: whoever presses twice is not told that they were too late for themselves.
function sendOnce() {
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) event.preventDefault();
    else if (event.target.method === "post") event.target.dataset.sent = "1";
  });
  addEventListener("pageshow", () => { for (const form of all("form[data-sent]")) delete form.dataset.sent; });
  document.addEventListener("change", (event) => {
    if (event.target.matches(".filter select, .filter input[type=checkbox]")) event.target.form.requestSubmit();
  });
}

// Keys: the same as in the terminal. Never while typing, never with a modifier, never in the first moment.
function keys() {
  addEventListener("keydown", (event) => {
    const field = event.target.closest?.("input:not([type=checkbox]), textarea, select");
    if (field) return typing(event, field);
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
    if (performance.now() - shownAt < DEAF_MS) return;
    if (pressed(event.key)) event.preventDefault();
  });
}

function typing(event, field) {
  if (event.key === "Escape") {
    const fold = field.closest("details");
    field.blur();
    if (fold) { fold.open = false; one("summary", fold).focus(); }
  } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && field.tagName === "TEXTAREA") {
    const sends = field.closest("label").parentElement;
    one("button:not([disabled])", sends)?.click();
  }
}

function pressed(key) {
  if (key === "j" || key === "k") return move(key === "j" ? 1 : -1);
  if (key === " ") return toggle();
  if (key === "/") return search();
  if (key === "u") return undo();
  if (key === "v") return Boolean(one('[data-unfold="*"]')?.click()) || Boolean(one('[data-unfold="*"]'));
  const found = one(`[data-key="${CSS.escape(key)}"]`);
  if (!found) return false;
  if (found.tagName === "DETAILS") unfoldTo(found);
  else if (found.tagName === "FORM") submit(found);
  else found.click();
  return true;
}

function unfoldTo(fold) {
  fold.open = !fold.open;
  if (!fold.open) return;
  fold.scrollIntoView({ block: "nearest" });
  (one("textarea, input:not([type=hidden])", fold) ?? one("summary", fold)).focus();
}

function submit(form) {
  const button = one("button:not([disabled])", form);
  if (button) form.requestSubmit(button);
  else one("[data-unfold]")?.focus(); // something is still folded: that comes first
}

function move(step) {
  const rows = all("a.open, .choose input, [data-row] .settle");
  if (!rows.length) { if (card()) beside(step); return Boolean(card()); }
  const at = rows.findIndex((row) => row === document.activeElement);
  const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step))];
  next?.focus();
  next?.closest("[data-batch], [data-row], tr")?.scrollIntoView({ block: "nearest" });
  return true;
}

// From a card to the one that waits after or before it; from the last one back to the list.
async function beside(step) {
  const answer = await fetch(`${root}/`).catch(() => null);
  if (!answer?.ok) return;
  const list = new DOMParser().parseFromString(await answer.text(), "text/html");
  const paths = all("a.open", list).map((link) => link.getAttribute("href"));
  const at = paths.indexOf(location.pathname);
  const next = at < 0 ? paths[0] : paths[at + step];
  location.assign(next ?? `${root}/`);
}

function toggle() {
  const box = document.activeElement?.closest("[data-batch]")?.querySelector(".choose input");
  if (box && document.activeElement !== box) box.click();
  return Boolean(box) && document.activeElement !== box;
}

function search() {
  const field = one("input[type=search]");
  if (field) field.select();
  else location.assign(`${root}/`);
  return true;
}

// What was done is taken back by one key where it is clear what is meant; else the key goes to the next button.
function undo() {
  const buttons = all("button.undo");
  if (buttons.length === 1) buttons[0].click();
  else buttons[(buttons.indexOf(document.activeElement) + 1) % buttons.length]?.focus();
  return buttons.length > 0;
}

signInFromAddress();
listen();
claim();
sendOnce();
unfold();
expire();
tell();
setInterval(() => tell(), 15000);
keys();
