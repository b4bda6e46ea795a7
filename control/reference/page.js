"use strict";

// Search hides what does not have all of the words; "/" goes to it. Without this script the page shows everything.
const search = document.getElementById("search");
const articles = [...document.querySelectorAll("article")].map((at) => ({ at, text: at.textContent.toLowerCase() }));
const lines = new Map([...document.querySelectorAll("nav li")].map((li) => [li.dataset.for, li]));

function find() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const { at, text } of articles) {
    const hit = words.every((word) => text.includes(word));
    at.hidden = !hit;
    lines.get(at.id).hidden = !hit;
    found += hit;
  }
  for (const group of document.querySelectorAll("[data-group]")) {
    group.hidden = !group.querySelector("article:not([hidden]), li:not([hidden])");
  }
  document.getElementById("none").hidden = found > 0;
}

search.addEventListener("input", find);
document.addEventListener("keydown", (e) => {
  if (e.key === "/" && document.activeElement !== search) {
    e.preventDefault();
    search.focus();
  } else if (e.key === "Escape" && document.activeElement === search) {
    search.value = "";
    find();
  }
});

// What is copied is what stands in the example. Browsers allow it on https and localhost.
if (navigator.clipboard) {
  for (const pre of document.querySelectorAll("pre")) {
    const text = pre.textContent;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    pre.append(button);
  }
}
