// What the pages do beyond links and forms: keys, and lists that grow. Without it everything can still be done.
"use strict";

const DEAF_MS = 250; // a key meant for what stood here before
const LOOK_MS = 2000;
let shownAt = performance.now();

const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

function signInFromAddress() {
  const form = one("[data-sign-in]");
  const token = location.hash.slice(1);
  if (!form || !token) return;
  history.replaceState(null, "", location.pathname + location.search);
  form.elements.token.value = token;
  form.requestSubmit();
}

// Keys: never while typing, never with a modifier, never held down, never in the first moment.
function keys() {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest?.("input, textarea, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const found = all("[data-keys]").find((element) => element.dataset.keys.split(" ").includes(event.key));
    if (!found) return;
    event.preventDefault();
    if (event.repeat || performance.now() - shownAt < DEAF_MS) return;
    if (found.tagName === "BUTTON") found.click();
    else if (found.tagName === "DETAILS") found.open = !found.open;
    else found.focus();
  });
}

// One press, one request; a page that the browser kept shows what is so now.
function sendOnce() {
  let sent = false;
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    if (sent) event.preventDefault();
    sent = true;
  });
  addEventListener("pageshow", (event) => {
    sent = false;
    shownAt = performance.now();
    if (event.persisted) location.reload();
  });
}

// Spans of time are written by the server; they grow while the page is open.
function tell(region = document) {
  for (const time of all("time", region)) {
    const seconds = (Date.now() - new Date(time.dateTime).getTime()) / 1000;
    const [length, unit] = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]]
      .find(([least]) => seconds >= least) ?? [1, "second"];
    const count = Math.max(0, Math.floor(seconds / length));
    time.textContent = `${count} ${unit}${count === 1 ? "" : "s"} ago`;
  }
}

// A list that still grows is asked for again, and replaced where the server shows it differently.
async function refresh() {
  const answer = await fetch(location.href);
  if (!answer.ok || answer.redirected) return;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const region of all("[data-live]")) {
    const fresh = one(`[data-live="${CSS.escape(region.dataset.live)}"]`, next);
    if (!fresh || region.contains(document.activeElement?.closest("form"))) continue;
    if (asWritten(fresh) === asWritten(region)) continue;
    const place = all("a", region).indexOf(document.activeElement);
    tell(fresh);
    region.replaceWith(fresh);
    if (place >= 0) all("a", fresh)[place]?.focus({ preventScroll: true });
  }
}

function asWritten(region) {
  const copy = region.cloneNode(true);
  for (const gone of all("time", copy)) gone.remove();
  return copy.outerHTML;
}

function grow() {
  if (!one("[data-live]")) return;
  setInterval(() => {
    if (!document.hidden && one("[data-going-on], [data-live=runs]")) refresh().catch(() => {});
  }, LOOK_MS);
}

function filterAtOnce() {
  document.addEventListener("change", (event) => {
    if (event.target.matches(".filter select")) event.target.form.requestSubmit();
  });
}

signInFromAddress();
keys();
sendOnce();
tell();
setInterval(() => tell(), 15000);
grow();
filterAtOnce();
