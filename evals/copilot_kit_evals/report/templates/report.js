// The page's own script: it unpacks what lies in the file, draws the charts, and fills the table and the transcripts.
// Whatever a model or a tool wrote is put in as text, never as HTML.
"use strict";
(async () => {
  const PAGE = 25;
  const MINUS = "\u2212";
  const WORDS = { model_failure: "model failure", infra_error: "infrastructure", rejected_by_person: "rejected by a person" };
  const el = (id) => document.getElementById(id);

  function made(tag, known = {}, ...inside) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(known)) {
      if (value === undefined || value === null || value === false) continue;
      if (name in node && name !== "role") node[name] = value; else node.setAttribute(name, value);
    }
    node.append(...inside.filter((one) => one !== null && one !== undefined));
    return node;
  }

  // Text with the marks of characters that nobody could see set off.
  function written(node, text) {
    let end = 0;
    for (const found of String(text).matchAll(/\u27e6U\+[0-9A-F]{4,6}(?:\u00d7\d+)?\u27e7/g)) {
      node.append(text.slice(end, found.index), made("mark", {}, found[0]));
      end = found.index + found[0].length;
    }
    node.append(String(text).slice(end));
    return node;
  }

  async function unpacked(id) {
    const raw = atob(el(id).textContent.trim());
    const bytes = Uint8Array.from(raw, (one) => one.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
  }

  const data = JSON.parse(await unpacked("data"));
  const packs = new Map();
  function pack(number) {
    if (!packs.has(number)) packs.set(number, unpacked(`pack-${number}`).then(JSON.parse));
    return packs.get(number);
  }

  // Charts

  const tip = made("div", { className: "tip", hidden: true, role: "presentation" });
  document.body.append(tip);
  function hint(_, event, __, value) {
    tip.hidden = !value;
    if (!value) return;
    tip.textContent = Object.values(value).join(" ");
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${event.clientY + 18 + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 10 : event.clientY + 18}px`;
  }

  async function draw() {
    const places = [...document.querySelectorAll("[data-chart]")];
    if (!places.length) return;
    document.body.append(made("script", { textContent: await unpacked("vega") }));
    for (const place of places) {
      const spec = structuredClone(data.charts[Number(place.dataset.chart)]);
      const narrow = place.clientWidth < 560;
      if (narrow) {
        spec.config.axisY = { ...spec.config.axisY, labelLimit: 120 };
        spec.config.axisX.tickCount = 4;
        spec.config.legend.columns = 1;
        for (const layer of spec.layer || []) if (layer.encoding?.y?.axis?.labelLimit) layer.encoding.y.axis.labelLimit = 120;
      } else if (place.clientWidth < 900) spec.config.legend.columns = 2;
      await vegaEmbed(place, spec, { ast: true, renderer: "svg", actions: false, defaultStyle: false, tooltip: hint });
      place.dataset.drawn = "yes";
      place.querySelector("svg").setAttribute("aria-hidden", "true");
    }
  }

  // Transcripts

  const number = (value, digits = 3) => value === null || value === undefined ? "\u2013" : String(+value.toFixed(digits)).replace("-", MINUS);
  const dollars = (value) => value >= 1 ? `$${value.toFixed(2)}` : `$${+value.toPrecision(3)}`;
  const seconds = (value) => value < 1 ? `${Math.round(value * 1000)} ms` : value < 60 ? `${value.toFixed(1)} s` : `${(value / 60).toFixed(1)} min`;
  const outcome = (name) => WORDS[name] || name;

  function part([kind, first, second]) {
    const node = made("div", { className: kind });
    if (kind === "call") return written(made("div", { className: "call" }, made("b", {}, "calls "), first, "\n"), second);
    if (kind === "result") return written(made("div", { className: "result" }, made("b", {}, first === "ok" ? "result" : `result: ${first}`), "\n"), second);
    if (kind === "file" || kind === "other") return written(made("div", { className: "call" }, made("b", {}, `${kind} `), first, " "), second || "");
    const text = written(made("pre"), first);
    if (kind === "refusal") node.append(made("span", { className: "trouble" }, "refusal"));
    if (kind === "summary") node.append(made("span", { className: "quiet" }, "summary of earlier messages"));
    node.append(text);
    return node;
  }

  function attempt(one, alone) {
    const scores = one.scores || [];
    const title = [alone ? null : `Attempt ${one.repeat === undefined ? 1 : one.repeat + 1}`, one.variant && `variant ${one.variant}`,
      outcome(one.outcome), scores.length ? `score ${number(scores[0][1])}` : "no score"].filter(Boolean).join(" · ");
    const node = made("details", { className: "attempt" }, made("summary", {}, title));
    const tokens = one.tokens && one.tokens[0] !== null ? `${one.tokens[0]} tokens in, ${one.tokens[1] ?? "?"} out` : null;
    const facts = [one.served && `served by ${one.served}`, one.seconds && seconds(one.seconds), tokens,
      one.cost ? dollars(one.cost) : null, one.stop && `ended by ${one.stop}`, one.dropped && `not sent: ${one.dropped.join(", ")}`];
    const line = (text, kind = "") => node.append(written(made("p", { className: `line ${kind}` }), text));
    if (facts.some(Boolean)) line(facts.filter(Boolean).join(" · "));
    if (one.trouble) line(one.trouble, "trouble");
    for (const [name, value, answer, reason, parts] of scores) {
      const told = [`${name} ${number(value)}`, answer && `took \u201c${answer}\u201d as the answer`, reason,
        parts && parts.length ? parts.map(([key, got]) => `${key} ${number(got)}`).join(", ") : null];
      line(told.filter(Boolean).join(" · "));
    }
    for (const [role, parts] of one.messages || []) {
      node.append(made("div", { className: `said by-${role}` }, made("div", { className: "who" }, role), ...parts.map(part)));
    }
    if (!one.messages) line("Nothing was said.");
    return node;
  }

  async function sides(into, place, chosen) {
    const row = data.rows[place];
    into.replaceChildren();
    if (row[7] < 0) {
      into.append(made("p", { className: "quiet" }, "The transcripts of this item were left out of this file to keep it small. They are in the folder of the run."));
      return;
    }
    const told = (await pack(row[7]))[place];
    const right = el("case-right");
    if (told.target !== null) written(right.appendChild(made("span", {}, "Right: ")).parentNode, told.target);
    if (told.choices.length) written(right, `${told.target === null ? "Of" : ", of"} ${told.choices.join(" | ")}`);
    for (const at of chosen || data.candidates.map((_, place) => place)) {
      const attempts = told.sides[at];
      const all = attempts.map((one) => attempt(one, attempts.length === 1));
      if (all.length) all[0].open = true;
      const dot = made("i", { className: `dot k${at % 8}`, ariaHidden: "true" });
      into.append(made("div", { className: "side" }, made("h3", {}, dot, data.candidates[at]),
        ...(all.length ? all : [made("p", { className: "quiet" }, "No attempt was made.")])));
    }
  }

  // The table

  const body = el("table").tBodies[0];
  const head = el("table").tHead.rows[0];
  const filters = document.querySelector(".filters");
  const several = data.candidates.length > 1;
  const state = { sort: null, falling: false, page: 0, found: [] };
  const other = () => several ? Number(el("by-candidate").value) : 0;
  const change = (row) => {
    const mine = row[8][other()][0], first = row[8][0][0];
    return mine === null || first === null ? null : mine - first;
  };
  const texts = data.rows.map((row) => [row[1], row[2], row[4], data.tasks[row[0]], ...row[3].map((tag) => data.tags[tag]),
    ...row[8].map((cell) => cell[5])].join("\n").toLowerCase());

  const columns = [
    { name: "Item", by: (row) => row[1] },
    ...(data.tasks.length > 1 ? [{ name: "Task", by: (row) => data.tasks[row[0]] }] : []),
    { name: "Slices", by: (row) => row[3].map((tag) => data.tags[tag]).join(", ") },
    ...data.candidates.map((name, at) => ({ name, at, numeric: true, by: (row) => row[8][at][0] })),
    ...(several ? [{ name: "Difference", numeric: true, by: change }] : []),
    { name: "Cost", numeric: true, by: (row) => row[8][other()][3] },
    { name: "Seconds", numeric: true, by: (row) => row[8][other()][4] },
  ];
  for (const column of columns) {
    const button = made("button", { type: "button" }, column.name);
    column.head = made("th", { scope: "col", className: column.numeric ? "num" : "", ariaSort: "none" }, button);
    button.addEventListener("click", () => {
      state.falling = state.sort === column ? !state.falling : Boolean(column.numeric);
      state.sort = column;
      update();
    });
    head.append(column.head);
  }

  function option(select, value, text) { if (el(select)) el(select).append(made("option", { value }, text)); }
  data.tasks.forEach((name, at) => option("by-task", at, name));
  data.tags.forEach((name, at) => option("by-tag", at, name));
  if (several) data.candidates.forEach((name, at) => { if (at) option("by-candidate", at, name); });

  const value = (id) => el(id) ? el(id).value : "";
  function fits(row, at) {
    const words = value("search").toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.every((word) => texts[at].includes(word))) return false;
    if (value("by-task") !== "" && row[0] !== Number(value("by-task"))) return false;
    if (value("by-tag") !== "" && !row[3].includes(Number(value("by-tag")))) return false;
    const wanted = value("by-outcome");
    const seen = several ? [row[8][0], row[8][other()]] : row[8];
    if (wanted && !seen.some((cell) => cell[2].includes(wanted) || (wanted === "ok" && !cell[2].length))) return false;
    const moved = several ? change(row) : null;
    switch (value("by-result")) {
      case "flipped": return moved !== null && Math.abs(moved) > 1e-9;
      case "won": return moved !== null && moved > 1e-9;
      case "lost": return moved !== null && moved < -1e-9;
      case "same": return moved !== null && Math.abs(moved) <= 1e-9;
      case "failed": return row[8][0][0] === null || row[8][0][0] < data.tops[row[0]][1];
      case "missing": return seen.some((cell) => cell[1] < row[6]);
      case "must": return row[5] === 1;
      default: return true;
    }
  }

  function compare(one, two) {
    const [a, b] = [state.sort.by(data.rows[one]), state.sort.by(data.rows[two])];
    if (a === null || b === null || a === undefined || b === undefined) return (a === null) - (b === null);
    const order = typeof a === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
    return state.falling ? -order : order;
  }

  function scored(cell, row) {
    const [low, top] = data.tops[row[0]];
    const kind = cell[0] === null ? "quiet" : cell[0] >= top ? "full" : cell[0] <= low ? "none" : "part";
    const told = [...cell[2].map(outcome), cell[0] !== null && cell[1] < row[6] ? `${cell[1]} of ${row[6]} scored` : null].filter(Boolean);
    return made("td", { className: "num" }, made("span", { className: kind }, number(cell[0])),
      told.length ? made("span", { className: "outcome" }, told.join(", ")) : null);
  }

  function line(at) {
    const row = data.rows[at];
    const open = written(made("button", { type: "button", className: "open" }), row[1]);
    open.addEventListener("click", () => show(state.found, state.found.indexOf(at), null));
    const item = made("th", { scope: "row", className: "item" }, row[5] ? made("b", { className: "must" }, "must pass ") : null, open,
      written(made("span", { className: "excerpt" }), row[2]));
    const cells = [item];
    if (data.tasks.length > 1) cells.push(made("td", {}, data.tasks[row[0]]));
    cells.push(made("td", {}, row[3].map((tag) => data.tags[tag]).join(", ")));
    for (const cell of row[8]) cells.push(scored(cell, row));
    if (several) {
      const moved = change(row);
      const kind = moved > 1e-9 ? "gain" : moved < -1e-9 ? "loss" : "quiet";
      cells.push(made("td", { className: "num" }, made("span", { className: kind }, moved > 1e-9 ? `+${number(moved)}` : number(moved))));
    }
    const mine = row[8][other()];
    cells.push(made("td", { className: "num" }, mine[3] === null ? "\u2013" : dollars(mine[3])));
    cells.push(made("td", { className: "num" }, mine[4] === null ? "\u2013" : seconds(mine[4])));
    return made("tr", {}, ...cells);
  }

  function update(keepPage = false) {
    state.found = data.rows.map((_, at) => at).filter((at) => fits(data.rows[at], at));
    if (state.sort) state.found.sort(compare);
    for (const column of columns) {
      column.head.ariaSort = column === state.sort ? (state.falling ? "descending" : "ascending") : "none";
    }
    const pages = Math.max(1, Math.ceil(state.found.length / PAGE));
    state.page = keepPage ? Math.min(state.page, pages - 1) : 0;
    const first = state.page * PAGE;
    body.replaceChildren(...state.found.slice(first, first + PAGE).map(line));
    const count = (n) => n.toLocaleString("en");
    el("found").textContent = `${count(state.found.length)} of ${count(data.rows.length)} ${data.rows.length === 1 ? "item" : "items"}`;
    el("page").textContent = `${state.page + 1} of ${pages}`;
    el("before").disabled = state.page === 0;
    el("after").disabled = state.page >= pages - 1;
    document.querySelector(".pages").hidden = pages === 1;
  }

  let typing = 0;
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(update, 80); });
  filters.addEventListener("reset", () => setTimeout(() => { state.sort = null; update(); }));
  el("before").addEventListener("click", () => { state.page -= 1; update(true); });
  el("after").addEventListener("click", () => { state.page += 1; update(true); });
  for (const link of document.querySelectorAll("[data-show], [data-find]")) {
    link.addEventListener("click", () => {
      filters.reset();
      if (link.dataset.with) el("by-candidate").value = link.dataset.with;
      if (link.dataset.show) el("by-result").value = link.dataset.show;
      if (link.dataset.find) el("search").value = link.dataset.find;
      setTimeout(update);
    });
  }

  // One item with its transcripts

  const dialog = el("case");
  let list = [], current = 0, chosen = null, opener = null;
  async function show(places, place, candidates) {
    [list, current, chosen] = [places, place, candidates];
    const row = data.rows[list[place]];
    for (const id of ["case-h", "case-about", "case-right"]) el(id).replaceChildren();
    written(el("case-h"), row[1]);
    const told = [data.tasks[row[0]], ...row[3].map((tag) => data.tags[tag]), row[4] && `cluster ${row[4]}`, row[5] ? "must pass" : null];
    written(el("case-about"), `${place + 1} of ${list.length} \u00b7 ${told.filter(Boolean).join(" \u00b7 ")}`);
    el("prev").disabled = place === 0;
    el("next").disabled = place >= list.length - 1;
    if (!dialog.open) { opener = document.activeElement; dialog.showModal(); }
    await sides(dialog.querySelector(".sides"), list[place], chosen);
    dialog.querySelector(".sides").scrollTop = 0;
  }
  for (const flips of document.querySelectorAll(".flips")) {
    const shown = [...flips.querySelectorAll(".flip")];
    const places = shown.map((one) => Number(one.dataset.case));
    shown.forEach((one, at) => one.addEventListener("click", () => {
      one.querySelector(".open").focus();
      show(places, at, [0, Number(flips.dataset.with)]);
    }));
  }
  const step = (by) => { if (current + by >= 0 && current + by < list.length) show(list, current + by, chosen); };
  el("prev").addEventListener("click", () => step(-1));
  el("next").addEventListener("click", () => step(1));
  el("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => opener?.isConnected && opener.focus());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    if (dialog.open && (event.key === "j" || event.key === "k")) { event.preventDefault(); step(event.key === "j" ? 1 : -1); }
    if (!dialog.open && event.key === "/") { event.preventDefault(); el("search").focus(); }
  });

  // Where one is on the page
  const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
  const watching = new IntersectionObserver((seen) => {
    for (const one of seen) if (one.isIntersecting) {
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(one.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-15% 0px -80% 0px" });
  for (const section of document.querySelectorAll("main > section")) watching.observe(section);

  update();
  await draw();
  document.documentElement.dataset.ready = "yes";
})();
