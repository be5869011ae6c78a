"use strict";
const find = (id) => document.getElementById(id);
const cards = [...document.querySelectorAll("#cards > .card")];
const texts = new Map();
const textOf = (card) => {
  if (!texts.has(card)) texts.set(card, card.textContent.toLowerCase());
  return texts.get(card);
};
const shown = () => cards.filter((card) => !card.hidden);

function apply() {
  const words = find("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const difficulty = find("difficulty").value;
  const outcome = find("outcome")?.value ?? "";
  for (const card of cards) {
    card.hidden = !(
      (!difficulty || card.dataset.difficulty === difficulty) &&
      (!outcome || card.dataset.outcome.split(" ").includes(outcome)) &&
      words.every((word) => textOf(card).includes(word))
    );
  }
  const count = shown().length;
  find("count").textContent = `${count} of ${cards.length} prompts`;
  find("nothing").hidden = count > 0;
  label();
}

function label() {
  find("toggle").textContent = shown().every((card) => card.open) ? "Close all" : "Open all";
}

function reveal() {
  const card = cards.find((candidate) => `#${candidate.id}` === decodeURIComponent(location.hash));
  if (!card) return;
  card.hidden = false;
  card.open = true;
  card.scrollIntoView();
}

find("filter").hidden = false;
find("filter").addEventListener("input", apply);
find("filter").addEventListener("submit", (event) => event.preventDefault());
find("toggle").addEventListener("click", () => {
  const open = !shown().every((card) => card.open);
  for (const card of shown()) card.open = open;
  label();
});
for (const card of cards) card.addEventListener("toggle", label);
addEventListener("hashchange", reveal);
apply();
reveal();
