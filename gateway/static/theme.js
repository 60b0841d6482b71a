// Runs before the page is drawn, so that it is never drawn in another theme than the chosen one.
"use strict";
const chosen = localStorage.getItem("theme");
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
