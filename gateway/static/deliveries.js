// The list of deliveries: keys, the open delivery next to it, a selection, and live mode. Without it, links and forms do.
"use strict";

const list = document.querySelector(".list");
const panel = document.getElementById("panel");
const rows = () => [...list.querySelectorAll("tbody tr[data-id]")];
const opener = (row) => row?.querySelector(".made a");
const opened = () => panel.querySelector("[data-id]")?.dataset.id;

// Marks the row of the open delivery, and what the address says is what is open.
function mark() {
  const id = opened();
  for (const row of rows()) {
    row.classList.toggle("current", row.dataset.id === id);
    if (row.dataset.id === id) opener(row).setAttribute("aria-current", "true");
    else opener(row).removeAttribute("aria-current");
  }
  for (const button of panel.querySelectorAll("[data-move]")) button.hidden = rows().length === 0;
}

function move(by) {
  const all = rows();
  const focused = document.activeElement?.closest?.("tr[data-id]");
  const at = all.findIndex((row) => (focused ? row === focused : row.dataset.id === opened()));
  const next = all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)];
  if (!next) return;
  opener(next).focus();
  next.scrollIntoView({ block: "nearest" });
  // with the panel open, the next one opens
  if (opened() && opened() !== next.dataset.id) opener(next).click();
}

function close() {
  const link = panel.querySelector("[data-close]");
  if (!link) return;
  const id = opened();
  panel.replaceChildren();
  history.pushState({ htmx: true }, "", link.getAttribute("href"));
  document.title = "Deliveries – Webhooks";
  mark();
  document.getElementById(`open-${id}`)?.focus();
}

function retry() {
  const row = document.activeElement?.closest?.("tr[data-id]");
  if (!row || row.dataset.id === opened()) return panel.querySelector("[data-retry]")?.click();
  for (const box of boxes()) box.checked = box.value === row.dataset.id;
  document.querySelector("#chosen .primary")?.click();
}

const KEYS = { j: () => move(1), k: () => move(-1), r: retry, Escape: close, "/": () => list.querySelector("[name=q]").focus() };

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea");
  if (event.ctrlKey || event.metaKey || event.altKey || typing || document.querySelector("details.menu[open]")) return;
  if (!(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
});

// A row is clickable where it has nothing else to click.
list.addEventListener("click", (event) => {
  const row = event.target.closest("tbody tr[data-id]");
  if (row && !event.target.closest("a, input, button") && getSelection().isCollapsed) opener(row).click();
});
panel.addEventListener("click", (event) => {
  const button = event.target.closest("[data-move]");
  if (button) move(Number(button.dataset.move));
  if (event.target.closest("[data-close]") && list.checkVisibility()) {
    event.preventDefault();
    close();
  }
});
document.addEventListener("htmx:afterSettle", mark);

// The selection: how many, all at once, and their ids.
const boxes = () => [...list.querySelectorAll("input[name=delivery_ids]")];
const picked = () => boxes().filter((box) => box.checked);
document.addEventListener("change", (event) => {
  if (event.target.dataset.all) boxes().forEach((box) => { box.checked = event.target.checked; });
  document.querySelector("[data-chosen]").textContent = `${picked().length} selected`;
});
const copyIds = document.querySelector("[data-copy-ids]");
copyIds.hidden = !navigator.clipboard;
copyIds.addEventListener("click", () => {
  navigator.clipboard.writeText(picked().map((box) => box.value).join("\n")).then(() => { copyIds.textContent = "Copied"; });
});

// Live mode: what changed is replaced in its place. New rows come at the top, unless someone is reading: then a button says
// how many there are.
const newer = document.querySelector("[data-newer]");
let waiting = [];

function reading() {
  const body = list.querySelector("tbody");
  return list.querySelector(".scroller").scrollTop > 0 || opened() || body?.matches(":hover")
    || body?.contains(document.activeElement) || picked().length > 0 || !getSelection().isCollapsed;
}

function show() {
  const body = list.querySelector("tbody");
  for (const row of waiting.reverse()) {
    body.prepend(row);
    htmx.process(row);
  }
  waiting = [];
  newer.hidden = true;
  localTimes(body);
  mark();
}

async function tail() {
  if (document.hidden) return;
  let text;
  try {
    const response = await fetch(list.dataset.live, { headers: { "HX-Request": "true" } });
    if (!response.ok) throw new Error(`status ${response.status}`);
    text = await response.text();
  } catch {
    return stale("live");
  }
  current("live");
  // there was none yet: the page has no table to put rows into
  if (!list.querySelector("tbody")) return text.includes("data-id") && location.reload();
  const template = document.createElement("template");
  template.innerHTML = `<table><tbody>${text}</tbody></table>`;
  const known = new Map(rows().map((row) => [row.dataset.id, row]));
  const fresh = [];
  for (const row of template.content.querySelectorAll("tr[data-id]")) {
    const shown = known.get(row.dataset.id);
    if (!shown) fresh.push(row);
    else Idiomorph.morph(shown, row);
  }
  localTimes(list);
  mark();
  waiting = fresh;
  if (fresh.length && !reading()) return show();
  newer.hidden = fresh.length === 0;
  newer.textContent = `${fresh.length} new ${fresh.length === 1 ? "delivery" : "deliveries"}`;
}

if (list.dataset.live) {
  newer.addEventListener("click", () => {
    show();
    list.querySelector(".scroller").scrollTop = 0;
  });
  setInterval(tail, 2000);
}
mark();
