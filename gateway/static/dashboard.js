// What the pages cannot do in plain HTML, for every page. No state but the theme; no dependency but htmx and idiomorph.
"use strict";

// A copied text is an element's, named by its id.
function copyOnClick(event) {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).textContent;
  const label = button.dataset.label ?? (button.dataset.label = button.textContent);
  const show = (word) => {
    button.textContent = word;
    setTimeout(() => { button.textContent = label; }, 2000);
  };
  // without https, a page has no access to the clipboard
  if (!navigator.clipboard) return show("Select and copy it");
  navigator.clipboard.writeText(text).then(() => show("Copied"), () => show("Select and copy it"));
}

// Times come in UTC and are shown in the browser's time zone; the title has UTC.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const local = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

function localTimes(within = document) {
  if (zone === "UTC") return;
  for (const time of within.querySelectorAll("time[datetime]:not([data-utc])")) {
    time.dataset.utc = time.textContent;
    time.title = [`${time.textContent} UTC`, time.title].filter(Boolean).join(", ");
    time.textContent = local.format(new Date(time.dateTime)).replace(",", "");
  }
  for (const name of document.querySelectorAll("[data-zone]")) name.textContent = `Times are in ${zone}. Point at one for UTC.`;
}

// A part that could not be loaded is not current: the page says so until it is.
const old = new Set();

function stale(what) {
  old.add(what);
  const notice = document.getElementById("stale");
  if (notice.hidden) {
    const at = new Date().toISOString().slice(11, 19);
    notice.textContent = `This page is not current: its data could not be loaded since ${at} UTC. It is loaded again every few seconds.`;
    notice.hidden = false;
  }
  document.body.classList.add("old");
}

function current(what) {
  old.delete(what);
  if (old.size) return;
  document.getElementById("stale").hidden = true;
  document.body.classList.remove("old");
}

// A part that renews itself keeps its elements, and so the focus, what is open and what is selected.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) => !(name === "open" && element.tagName === "DETAILS");
Idiomorph.defaults.ignoreActiveValue = true;

const renews = (event) => event.detail.elt?.matches?.("[hx-trigger^='every']");
document.addEventListener("htmx:beforeSwap", (event) => {
  // a selected text would be lost
  const selection = getSelection();
  if (renews(event) && !selection.isCollapsed && event.detail.target.contains(selection.anchorNode)) event.detail.shouldSwap = false;
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (renews(event)) (event.detail.successful || event.detail.xhr.status === 286 ? current : stale)(event.detail.pathInfo.requestPath);
});
document.addEventListener("htmx:timeout", (event) => renews(event) && stale(event.detail.pathInfo.requestPath));
document.addEventListener("htmx:afterSettle", (event) => localTimes(event.detail.target.isConnected ? event.detail.target : document));

// The theme: system, light or dark, remembered by this browser.
const THEMES = ["system", "light", "dark"];

function setTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const button = document.querySelector("[data-theme-switch]");
  if (!button) return;
  button.textContent = `Theme: ${theme}`;
  button.hidden = false;
}

const remembered = () => THEMES.find((theme) => theme === localStorage.getItem("theme")) ?? "system";

function switchTheme(event) {
  if (!event.target.closest("[data-theme-switch]")) return;
  const next = THEMES[(THEMES.indexOf(remembered()) + 1) % THEMES.length];
  localStorage.setItem("theme", next);
  setTheme(next);
  dispatchEvent(new Event("themechange"));
}

// One menu is open at a time, and Escape or a click elsewhere closes it.
function closeMenus(event) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (event.key === "Escape" || !menu.contains(event.target)) {
      if (event.key === "Escape" && menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      menu.open = false;
    }
  }
}

// On the overview, j and k move through the failed deliveries of the endpoints that need attention.
function moveKeys(event) {
  const stops = [...document.querySelectorAll("[data-stop]")];
  const by = { j: 1, k: -1 }[event.key];
  if (!by || !stops.length || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const at = stops.indexOf(document.activeElement);
  stops[Math.min(Math.max(at + by, 0), stops.length - 1)].focus();
}

document.addEventListener("click", copyOnClick);
document.addEventListener("click", switchTheme);
document.addEventListener("click", closeMenus);
document.addEventListener("keydown", moveKeys);
document.addEventListener("keydown", (event) => event.key === "Escape" && closeMenus(event));
setTheme(remembered());
localTimes();
// on a phone the sections scroll sideways
document.querySelector("header nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
