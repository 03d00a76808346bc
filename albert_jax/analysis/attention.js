"use strict";
// One canvas for each head; the words below show what the chosen head looks at from the word pointed to.
const given = JSON.parse(document.getElementById("attention").textContent);
const bytes = Uint8Array.from(atob(given.maps), (c) => c.charCodeAt(0));
const { layers, heads, pieces } = given, size = pieces.length;
const grid = document.querySelector(".grid"), looks = document.querySelector(".looks");
const caption = document.getElementById("head");
let chosen = 0, pointed = null;

const accent = () => {
  const probe = document.createElement("span");
  probe.style.color = "var(--accent)";
  document.body.append(probe);
  const found = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
  probe.remove();
  return found;
};
const at = (map, from, to) => (bytes[(map * size + from) * size + to] / 255) ** 2; // roots are kept

function draw(canvas, map, color) {
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d"), image = context.createImageData(size, size);
  for (let i = 0; i < size * size; i++) {
    image.data.set(color, 4 * i);
    image.data[4 * i + 3] = bytes[map * size * size + i];
  }
  context.putImageData(image, 0, 0);
}

function name(map) {
  const layer = "layer " + (1 + Math.floor(map / heads));
  return heads === 1 ? layer + ", mean of all heads" : layer + ", head " + (1 + map % heads);
}

function show() {
  const words = looks.children;
  for (let to = 0; to < size; to++) {
    let weight = 0;
    if (pointed !== null) weight = at(chosen, pointed, to);
    else for (let from = 0; from < size; from++) weight += at(chosen, from, to) / size;
    words[to].style.setProperty("--w", Math.sqrt(weight).toFixed(3));
    words[to].classList.toggle("from", to === pointed);
  }
  const from = pointed === null ? "on average over all words" : "from “" + pieces[pointed] + "”";
  caption.textContent = name(chosen) + ", " + from;
}

function choose(map) {
  chosen = map;
  grid.querySelectorAll("canvas").forEach((c, i) => c.setAttribute("aria-pressed", i === map));
  show();
}

function paint() {
  const color = accent();
  grid.querySelectorAll("canvas").forEach((canvas, map) => draw(canvas, map, color.slice(0, 3)));
}

grid.style.gridTemplateColumns = "auto repeat(" + heads + ", minmax(26px, 1fr))";
for (let layer = 0; layer < layers; layer++) {
  const label = document.createElement("small");
  label.textContent = layer + 1;
  grid.append(label);
  for (let head = 0; head < heads; head++) {
    const canvas = document.createElement("canvas"), map = layer * heads + head;
    canvas.title = name(map);
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "button");
    canvas.addEventListener("click", () => choose(map));
    canvas.addEventListener("keydown", (e) => (e.key === "Enter" || e.key === " ") && choose(map));
    grid.append(canvas);
  }
}
pieces.forEach((piece, i) => {
  const word = document.createElement("span");
  word.textContent = piece;
  word.tabIndex = 0;
  for (const event of ["pointerenter", "focus"]) word.addEventListener(event, () => { pointed = i; show(); });
  for (const event of ["pointerleave", "blur"]) word.addEventListener(event, () => { pointed = null; show(); });
  looks.append(word, " ");
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
paint();
choose(0);
