// The form of an endpoint: a filter for the tree of events, and families of which some are chosen.
"use strict";

const tree = document.querySelector(".tree");
const filter = tree?.querySelector("[data-filter]");

// Who chooses some events does not want all.
function instead(box) {
  const all = tree.querySelector('[value="*"]');
  if (box.checked && box !== all) all.checked = false;
}

// A family that is not chosen itself shows that some of its events are.
function mark(family) {
  const all = family.querySelector("[data-family]");
  if (!all) return;
  const some = [...family.querySelectorAll(".checks input")].some((box) => box.checked);
  all.indeterminate = some && !all.checked;
}

function narrow() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const family of tree.querySelectorAll(".family")) {
    const labels = [...family.querySelectorAll(".checks label")];
    for (const label of labels) label.hidden = !words.every((word) => label.textContent.toLowerCase().includes(word));
    family.hidden = labels.every((label) => label.hidden);
  }
}

if (tree) {
  filter.hidden = false;
  filter.addEventListener("input", narrow);
  // the form is not sent by a filter
  filter.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  tree.addEventListener("change", ({ target }) => {
    if (target === filter) return;
    instead(target);
    if (target.closest(".family")) mark(target.closest(".family"));
  });
  for (const family of tree.querySelectorAll(".family")) mark(family);
}
