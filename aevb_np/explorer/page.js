"use strict";
// A latent space in a page: the decoder, a picture of where z may be, and hands to move it with.
// In the browser's console, aevb.decode([0, 0]) is the image at z = 0.

const content = JSON.parse(document.getElementById("content").textContent);
const { J, radius, points } = content;
const [rows, columns] = content.imageShape;
const $ = id => document.getElementById(id);

// ------------------------------------------------------------------------------------------------------- the model

function numbers(type, text) {
  return new type(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
}

// A matrix comes in whole numbers, each column in units of its own.
function matrix({ bits, whole, unit }) {
  const units = numbers(Float32Array, unit);
  return Float32Array.from(numbers(bits === 8 ? Int8Array : Int16Array, whole), (n, k) => n * units[k % units.length]);
}

const layer = packed => ({ W: matrix(packed), b: numbers(Float32Array, packed.b) });
const hidden = layer(content.decoder.hidden), output = layer(content.decoder.output);

// v = u W + b
function affine({ W, b }, u) {
  const v = Float32Array.from(b), m = v.length;
  for (let i = 0; i < u.length; i++)
    for (let j = 0; j < m; j++) v[j] += u[i] * W[i * m + j];
  return v;
}

const sigmoid = a => 1 / (1 + Math.exp(-a));

// The hidden units; tanh is the paper's.
const units = {
  tanh: Math.tanh,
  relu: a => Math.max(a, 0),
  softplus: a => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
};

// E[x|z]. Bernoulli decoder, eq. (11):  y  = sigmoid(W2 tanh(W1 z + b1) + b2)
//         Gaussian decoder,  eq. (12):  mu = W4 tanh(W3 z + b3) + b4, for images in [0, 1] with a sigmoid around it
function decode(z) {
  const h = affine(hidden, z).map(units[content.decoder.unit]);
  const y = affine(output, h);
  return content.decoder.sigmoid ? y.map(sigmoid) : y;
}

// q(z|x) = N(mu, sigma^2 I) of every test image, as the encoder gave it.
const mus = points ? matrix(points.mu) : [], logVars = points ? matrix(points.logVar) : [];
const M = mus.length / J;
const mu = i => Array.from(mus.subarray(i * J, (i + 1) * J));
const sigma = i => Array.from(logVars.subarray(i * J, (i + 1) * J), v => Math.exp(v / 2));

// KL(q(z|x) || p(z)), Appendix B
const kl = i => sum(sigma(i).map((s, j) => (mu(i)[j] ** 2 + s ** 2 - 1 - 2 * Math.log(s)) / 2));

// z = mu + sigma eps, section 2.4; eps is the inverse CDF of the normal distribution at a uniform random number.
const draw = i => mu(i).map((m, j) => m + sigma(i)[j] * inverseCdf(Math.random()));

// ----------------------------------------------------------------------------------------------- numbers and words

const sum = array => array.reduce((a, b) => a + b, 0);
const clip = (t, low, high) => Math.min(high, Math.max(low, t));
const distance = (a, b) => Math.hypot(...a.map((v, j) => v - b[j]));
const between = (a, b, t) => a.map((v, j) => v + t * (b[j] - v));
const minus = text => String(text).replace("-", "\u2212");
const fixed = v => minus(v.toFixed(2));
const rough = v => minus(Number(v.toPrecision(3)));
const name = j => "z" + String(j).replace(/./g, d => "\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089"[d]);

const density = z => Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);

// Phi(z) = 1/2 (1 + erf(z / sqrt 2)) by its series, 1/2 + phi(z) (z + z^3 / 3 + z^5 / (3 5) + ...)
function cdf(z) {
  if (Math.abs(z) > 8) return z > 0 ? 1 : 0;
  let series = z, term = z;
  for (let n = 3; Math.abs(term) > 1e-17; n += 2) series += term *= z * z / n;
  return 0.5 + density(z) * series;
}

// The z with Phi(z) = u by Newton's method. From 0 it never steps too far, for Phi bends away on both sides.
function inverseCdf(u) {
  const target = clip(u, 1e-7, 1 - 1e-7);
  let z = 0, step = 1;
  for (let n = 0; n < 60 && Math.abs(step) > 1e-9; n++) z -= step = (cdf(z) - target) / density(z);
  return z;
}

// ------------------------------------------------------------------------------------------------------- the state

// How a latent number lies in the picture, from 0 at one side to 1 at the other.
const views = {
  plane: { to: z => (z / radius + 1) / 2, from: t => (2 * t - 1) * radius, step: 0.05 / radius },
  square: { to: cdf, from: t => inverseCdf(clip(t, 0.001, 0.999)), step: 0.02 },
};
const shown = {
  plane: { points: true, tiles: !points },
  square: { points: false, tiles: true }, // Figure 4
};
let view = "plane";
let [down, across] = J > 1 ? content.axes : [null, content.axes[0]];
let z = Array(J).fill(0);
let colour = 0, only = null; // which colouring; the one class that is shown
let datum = points ? Math.min(2, M - 1) : null, drawn = []; // a test image, and draws from its q(z|x)
const ends = M > 1 ? { A: mu(0), B: farthest() } : { A: corner(-1.5), B: corner(1.5) };

function corner(v) {
  return z.map((_, j) => (j === across || j === down ? v : 0));
}

// Of the first images, the one that lies farthest from the very first.
function farthest() {
  const some = Array.from({ length: Math.min(M, 25) }, (_, i) => mu(i));
  return some.reduce((far, m) => (distance(m, some[0]) > distance(far, some[0]) ? m : far));
}

// ----------------------------------------------------------------------------------------------------- the pictures

const darkMode = matchMedia("(prefers-color-scheme: dark)");
const style = variable => getComputedStyle(document.documentElement).getPropertyValue(variable);

// Data that are bright on a dark ground are ink on paper by day.
const inverted = () => content.ink && !darkMode.matches;

// Grey values onto a canvas, a pixel for a pixel.
function paint(canvas, y, left = 0, top = 0) {
  const image = new ImageData(columns, rows), invert = inverted();
  y.forEach((v, k) => {
    const grey = 255 * (invert ? 1 - v : v);
    image.data.set([grey, grey, grey, 255], 4 * k);
  });
  canvas.getContext("2d").putImageData(image, left, top);
}

function fresh(canvas) {
  [canvas.width, canvas.height] = [columns, rows];
  return canvas;
}

// All test images in one picture; which of them is x is a matter of cutting it out.
const sheet = new Image();
if (points) sheet.src = "data:image/png;base64," + points.images;

function paintDatum(canvas, i) {
  const g = fresh(canvas).getContext("2d"), n = points.columns;
  g.drawImage(sheet, (i % n) * columns, Math.floor(i / n) * rows, columns, rows, 0, 0, columns, rows);
  if (!inverted()) return;
  g.globalCompositeOperation = "difference"; // white less x
  g.fillStyle = "#fff";
  g.fillRect(0, 0, columns, rows);
}

const plane = $("plane"), g = plane.getContext("2d");
const box = { left: 34, top: 8, width: 0, height: 0 };

function resize() {
  const width = plane.clientWidth, ratio = devicePixelRatio;
  box.width = Math.max(1, width - box.left - 12);
  box.height = J > 1 ? box.width : Math.min(150, box.width);
  plane.style.height = box.top + box.height + 34 + "px";
  [plane.width, plane.height] = [width * ratio, (box.top + box.height + 34) * ratio];
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawPlane();
}

// Where z lies, in CSS pixels. Data points on a line are spread over a height that means nothing.
function place(z, height = 0.4) {
  const { to } = views[view];
  return [box.left + box.width * to(z[across]), box.top + box.height * (J > 1 ? to(z[down]) : height)];
}

const placeDatum = i => place(mu(i), 0.06 + 0.66 * ((i * 0.618) % 1));

function drawPlane() {
  g.clearRect(0, 0, plane.width, plane.height);
  g.save();
  const frame = new Path2D();
  frame.roundRect(box.left, box.top, box.width, box.height, 4);
  g.fillStyle = style("--card");
  g.fill(frame);
  g.clip(frame);
  if (shown[view].tiles) drawTiles();
  else drawGrid();
  if (points && shown[view].points) {
    drawPoints();
    drawPosterior();
  }
  if (J > 1 && !shown[view].tiles) nameCircles();
  g.restore();
  g.strokeStyle = style("--line");
  g.lineWidth = 1;
  g.stroke(frame);
  drawAxes();
  drawPath();
  ring(place(z), 8, style("--accent"), 3);
}

function line(places, close = false) {
  g.beginPath();
  places.forEach(([x, y]) => g.lineTo(x, y));
  if (close) g.closePath();
  g.stroke();
}

function disc([x, y], r, fill) {
  g.beginPath();
  g.arc(x, y, r, 0, 2 * Math.PI);
  g.fillStyle = fill;
  g.fill();
}

function ring([x, y], r, stroke, width) {
  for (const [colour, w] of [[style("--card"), width + 3], [stroke, width]]) {
    g.beginPath();
    g.arc(x, y, r, 0, 2 * Math.PI);
    g.strokeStyle = colour;
    g.lineWidth = w;
    g.stroke();
  }
}

// The ellipse of centre +- r spread in the two dimensions of the picture; r standard deviations where it is q or p.
function ellipse(centre, spread, r) {
  const turn = Array.from({ length: 72 }, (_, k) => k * Math.PI / 36);
  return turn.map(angle => {
    const at = centre.slice();
    at[across] += r * spread[across] * Math.cos(angle);
    if (J > 1) at[down] += r * spread[down] * Math.sin(angle);
    return place(at);
  });
}

const wholes = () => {
  const most = view === "plane" ? Math.floor(radius) : 2;
  const every = Math.ceil(most / 5);
  return Array.from({ length: 2 * most + 1 }, (_, k) => k - most).filter(v => v % every === 0);
};

// Lines at whole standard deviations of the prior, and its circles of one and two of them.
function drawGrid() {
  const { to } = views[view];
  g.lineWidth = 1;
  g.strokeStyle = style("--grid");
  for (const v of wholes()) {
    const x = box.left + box.width * to(v), y = box.top + box.height * to(v);
    line([[x, box.top], [x, box.top + box.height]]);
    if (J > 1) line([[box.left, y], [box.left + box.width, y]]);
  }
  if (J === 1) return;
  g.strokeStyle = style("--circle");
  for (const r of [1, 2]) line(priorCircle(r), true);
}

const priorCircle = r => ellipse(Array(J).fill(0), Array(J).fill(1), r);

function nameCircles() {
  g.font = "11px system-ui, sans-serif";
  g.textAlign = "center";
  g.lineWidth = 4;
  g.strokeStyle = style("--card");
  g.fillStyle = style("--quiet");
  for (const r of [1, 2]) {
    const [x, y] = priorCircle(r)[18];
    g.strokeText(`${r} sd`, x, y + 4);
    g.fillText(`${r} sd`, x, y + 4);
  }
}

function drawAxes() {
  const { to } = views[view], bottom = box.top + box.height;
  const axis = j => (view === "plane" ? name(j) : `\u03a6(${name(j)})`);
  g.fillStyle = style("--quiet");
  g.font = "12px system-ui, sans-serif";
  g.textAlign = "center";
  for (const v of wholes()) {
    g.fillText(minus(v), box.left + box.width * to(v), bottom + 15);
    if (J > 1) g.fillText(minus(v), box.left - 13, box.top + box.height * to(v) + 4);
  }
  g.fillStyle = style("--ink");
  g.font = "italic 14px ui-serif, Georgia, serif";
  g.fillText(axis(across) + " \u2192", box.left + box.width / 2, bottom + 30);
  if (J === 1) return;
  g.save();
  g.translate(10, box.top + box.height / 2);
  g.rotate(-Math.PI / 2);
  g.fillText("\u2190 " + axis(down), 0, 0);
  g.restore();
}

const tint = (k, night = darkMode.matches) => {
  const palette = points.colours[colour][night ? "dark" : "light"];
  return palette[k % palette.length];
};
const visible = i => only === null || points.colours[colour].of[i] === only;

function drawPoints() {
  const edge = style("--card");
  for (let i = 0; i < M; i++) {
    if (!visible(i)) continue;
    const at = placeDatum(i);
    disc(at, 4.2, edge);
    disc(at, 3.4, tint(points.colours[colour].of[i]));
  }
}

// The chosen image: one and two standard deviations of its q(z|x), and the draws.
function drawPosterior() {
  g.strokeStyle = style("--ink");
  for (const r of [1, 2]) {
    g.lineWidth = 2.2 - 0.6 * r;
    line(ellipse(mu(datum), sigma(datum), r), true);
  }
  drawn.forEach((at, k) => disc(place(at, 0.2 + 0.1 * k), 2.6, style("--ink")));
  ring(placeDatum(datum), 5.5, style("--ink"), 1.8);
}

function drawPath() {
  const way = Array.from({ length: 41 }, (_, k) => place(between(ends.A, ends.B, k / 40)));
  for (const [colour, width] of [[style("--card"), 4.5], [style("--ink"), 1.6]]) {
    [g.strokeStyle, g.lineWidth] = [colour, width];
    line(way);
  }
  g.font = "600 12px system-ui, sans-serif";
  g.textAlign = "center";
  for (const end of ["A", "B"]) {
    const at = place(ends[end]);
    disc(at, 10.5, style("--card"));
    disc(at, 9, style("--ink"));
    g.fillStyle = style("--page");
    g.fillText(end, at[0], at[1] + 4.3);
  }
}

// Decoded images all over the picture, a row of them a frame; in the unit square they are Figure 4.
const tiles = document.createElement("canvas");
const tilesAcross = Math.max(3, Math.round(content.tiles * rows / columns)), tilesDown = J > 1 ? content.tiles : 1;
let tilesOf = "";

function drawTiles() {
  const rest = z.map((v, j) => (j === across || j === down ? 0 : v));
  const wanted = JSON.stringify([view, across, down, rest, inverted()]);
  if (tilesOf !== wanted) {
    tilesOf = wanted;
    [tiles.width, tiles.height] = [columns * tilesAcross, rows * tilesDown];
    decodeTiles(rest, wanted, 0);
  }
  g.imageSmoothingEnabled = false;
  const height = J > 1 ? box.height : box.width * tiles.height / tiles.width;
  g.drawImage(tiles, box.left, box.top + box.height - height, box.width, height);
}

function decodeTiles(rest, wanted, i) {
  if (tilesOf !== wanted) return; // something else is wanted by now
  const { from } = views[view];
  for (let j = 0; j < tilesAcross; j++) {
    const at = rest.slice();
    at[across] = from((j + 0.5) / tilesAcross);
    if (J > 1) at[down] = from((i + 0.5) / tilesDown);
    paint(tiles, decode(at), j * columns, i * rows);
  }
  if (i + 1 === tilesDown) return drawPlane();
  requestAnimationFrame(() => { drawPlane(); decodeTiles(rest, wanted, i + 1); });
}

// --------------------------------------------------------------------------------------------- what goes with the z

function where(z) {
  if (J > 2) return [down, across].map(j => `${name(j)} = ${fixed(z[j])}`).join("\n");
  return J === 1 ? `z = ${fixed(z[0])}` : `z = (${z.map(fixed).join(", ")})`;
}

function move(to) {
  z = to;
  paint($("image"), decode(z));
  $("z").textContent = where(z);
  for (const slider of document.querySelectorAll("#sliders input")) set(slider, z[slider.dataset.dimension]);
  drawPlane();
  speak();
}

// Those who listen hear where they have come to, once they stop.
let speaking;
function speak() {
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    const near = points ? `; the nearest test image is ${describe(nearest(z))}` : "";
    $("spoken").textContent = where(z).replace("\n", ", ") + near;
  }, 400);
}

function nearest(z) {
  const away = Array.from({ length: M }, (_, i) => distance(mu(i), z));
  return away.indexOf(Math.min(...away));
}

function describe(i) {
  const causes = points.colours.map(({ name, classes, ends, light, of }) => {
    if (!ends) return classes.length ? `${name} ${classes[of[i]]}` : "";
    return `${name} about ${rough(ends[0] + (ends[1] - ends[0]) * of[i] / (light.length - 1))}`;
  });
  return [`number ${i + 1}`, ...causes.filter(Boolean)].join(", ");
}

// An image, its reconstruction, and how far its q(z|x) lets z stray.
function choose(i) {
  datum = i;
  drawn = Array.from({ length: 5 }, () => draw(i));
  $("datum-name").textContent = `Test image ${describe(i).replace("number ", "")}`;
  paintDatum($("x"), i);
  paint(fresh($("reconstruction")), decode(mu(i)));
  $("draws").replaceChildren(...drawn.map(at => {
    const canvas = fresh(document.createElement("canvas"));
    paint(canvas, decode(at));
    return canvas;
  }));
  const two = J > 2 ? [down, across] : mu(i).map((_, j) => j);
  const spread = two.map(j => `${name(j)} = ${fixed(mu(i)[j])} \u00b1 ${fixed(sigma(i)[j])}`);
  $("posterior").textContent = `${spread.join(", ")}; KL(q\u2009\u2016\u2009p) = ${kl(i).toFixed(1)} nats`;
  drawPlane();
}

// Eleven steps from A to B, straight in z.
const strip = Array.from({ length: 11 }, () => fresh(document.createElement("canvas")));
$("strip").append(...strip);

function setEnd(end, to) {
  ends[end] = to;
  strip.forEach((canvas, k) => paint(canvas, decode(between(ends.A, ends.B, k / 10))));
  drawPlane();
}

function walk(t) {
  $("along").value = t;
  $("along").setAttribute("aria-valuetext", `${Math.round(100 * t)} percent of the way`);
  move(between(ends.A, ends.B, t));
}

let playing = null;
function play() {
  if (playing) return stop();
  const start = performance.now(), seconds = 4;
  $("play").textContent = "Stop";
  playing = requestAnimationFrame(function frame(now) {
    const t = clip((now - start) / 1000 / seconds, 0, 1);
    playing = t < 1 ? requestAnimationFrame(frame) : null;
    if (!playing) stop();
    walk(t);
  });
}

function stop() {
  cancelAnimationFrame(playing);
  playing = null;
  $("play").textContent = "Play";
}

// ------------------------------------------------------------------------------------------------- hands: the plane

const near = ([x, y], [u, v], distance) => Math.hypot(x - u, y - v) < distance;

function pointer(event) {
  const { left, top } = plane.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
}

// z with its one or two shown numbers taken from a place in the picture
function at(z, [x, y]) {
  const { from } = views[view], moved = z.slice();
  moved[across] = from(clip((x - box.left) / box.width, 0, 1));
  if (J > 1) moved[down] = from(clip((y - box.top) / box.height, 0, 1));
  return moved;
}

function pointAt(spot, reach) {
  if (!points || !shown[view].points) return null;
  let best = null, least = reach;
  for (let i = 0; i < M; i++) {
    const [x, y] = placeDatum(i), away = Math.hypot(x - spot[0], y - spot[1]);
    if (visible(i) && away < least) [best, least] = [i, away];
  }
  return best;
}

const endAt = (spot, reach) => ["A", "B"].find(end => near(place(ends[end]), spot, reach));

let held = null; // what a pointer holds: z, A or B
const reach = event => (event.pointerType === "touch" ? 22 : 11);

plane.addEventListener("pointerdown", event => {
  if (event.button) return;
  stop();
  const spot = pointer(event);
  held = { what: near(place(z), spot, 9) ? "z" : endAt(spot, reach(event)) ?? "z", from: spot, moved: false };
  plane.setPointerCapture(event.pointerId);
  if (held.what === "z") move(at(z, spot));
});

plane.addEventListener("pointermove", event => {
  const spot = pointer(event);
  if (!held) {
    plane.style.cursor = endAt(spot, 10) ? "grab" : pointAt(spot, 7) !== null ? "pointer" : "";
    return;
  }
  held.moved ||= !near(spot, held.from, 4);
  if (held.what === "z") move(at(z, spot));
  else if (held.moved) setEnd(held.what, at(ends[held.what], spot));
});

plane.addEventListener("pointerup", event => {
  const i = held && !held.moved ? pointAt(pointer(event), reach(event)) : null;
  held = null;
  if (i !== null) {
    choose(i);
    move(mu(i));
  }
});
plane.addEventListener("pointercancel", () => { held = null; });

function step(event, dx, dy) {
  const size = views[view].step * (event.shiftKey ? 0.2 : 1), [x, y] = place(z);
  move(at(z, [x + dx * size * box.width, y + dy * size * box.height]));
}

const keys = {
  ArrowLeft: event => step(event, -1, 0),
  ArrowRight: event => step(event, 1, 0),
  ArrowUp: event => step(event, 0, -1),
  ArrowDown: event => step(event, 0, 1),
  Home: () => move(Array(J).fill(0)),
  n: () => turn(1),
  p: () => turn(-1),
  a: () => setEnd("A", z),
  b: () => setEnd("B", z),
};
plane.addEventListener("keydown", event => {
  const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  stop();
  action(event);
});

// The next or previous test image of those that are shown.
function turn(by) {
  if (!points) return;
  let i = datum;
  do i = (i + by + M) % M; while (!visible(i));
  choose(i);
  move(mu(i));
}

// ----------------------------------------------------------------------------------------- hands: around the plane

function look(which) {
  view = which;
  $("show-points").checked = shown[view].points;
  $("show-tiles").checked = shown[view].tiles;
  $("legend").hidden = !points || !shown[view].points;
  drawPlane();
}

function show(what, yes) {
  shown[view][what] = yes;
  look(view);
}

for (const radio of document.querySelectorAll("[name=view]")) radio.addEventListener("change", () => look(radio.value));
$("show-points").addEventListener("change", event => show("points", event.target.checked));
$("show-tiles").addEventListener("change", event => show("tiles", event.target.checked));
$("previous").addEventListener("click", () => turn(-1));
$("next").addEventListener("click", () => turn(1));
$("again").addEventListener("click", () => choose(datum));
$("set-a").addEventListener("click", () => setEnd("A", z));
$("set-b").addEventListener("click", () => setEnd("B", z));
$("play").addEventListener("click", play);
$("along").addEventListener("input", event => { stop(); walk(Number(event.target.value)); });
strip.forEach((canvas, k) => canvas.addEventListener("click", () => { stop(); walk(k / 10); }));

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function swatch(className, background) {
  const made = element("span", { className });
  made.style.background = background;
  return made;
}

// What the colours mean; a class can be looked at alone, and of several causes one is chosen.
function drawLegend() {
  const { name, classes, ends } = points.colours[colour];
  const parts = [];
  if (points.colours.length > 1) {
    const select = element("select", { ariaLabel: "Colour by" }, ...points.colours.map(({ name }) => new Option(name)));
    select.selectedIndex = colour;
    select.addEventListener("change", () => {
      [colour, only] = [select.selectedIndex, null];
      drawLegend();
      drawPlane();
      $("legend").firstChild.focus();
    });
    parts.push(select);
  } else if (ends) parts.push(element("span", {}, name));
  if (ends) {
    const palette = points.colours[colour].light.join(",");
    parts.push(rough(ends[0]), swatch("shades", `linear-gradient(90deg,${palette})`), rough(ends[1]));
  }
  for (const [k, label] of (classes ?? []).entries()) {
    const button = element("button", { title: "Show this class alone" }, swatch("dot", tint(k)), label);
    button.setAttribute("aria-pressed", only === k);
    button.addEventListener("click", () => {
      only = only === k ? null : k;
      drawPlane();
      for (const [other, b] of [...$("legend").querySelectorAll("button")].entries())
        b.setAttribute("aria-pressed", only === other);
    });
    parts.push(button);
  }
  $("legend").replaceChildren(...parts);
}

// With more than two dimensions: which two are in the picture, and a slider for each of the others.
function set(slider, v) {
  slider.value = v;
  slider.nextElementSibling.value = fixed(v);
}

function drawSliders() {
  const others = z.map((_, j) => j).filter(j => j !== down && j !== across);
  $("rest-name").textContent = `${J} dimensions, ${others.length} by slider`;
  $("sliders").replaceChildren(...others.map(j => {
    const slider = element("input", { type: "range", min: -radius, max: radius, step: 0.01 });
    slider.dataset.dimension = j;
    const made = element("label", { title: nats(j) }, element("span", {}, name(j)), slider, element("output"));
    set(slider, z[j]);
    slider.addEventListener("input", () => { stop(); move(z.map((v, k) => (k === j ? Number(slider.value) : v))); });
    return made;
  }));
}

const nats = j => (content.kl.length ? `${name(j)}: KL ${content.kl[j].toFixed(2)} nats` : name(j));

function chooseAxes() {
  const byKl = z.map((_, j) => j).sort((a, b) => (content.kl[b] ?? 0) - (content.kl[a] ?? 0));
  for (const id of ["down", "across"]) {
    $(id).append(...byKl.map(j => new Option(nats(j), j)));
    $(id).addEventListener("change", () => {
      const [d, a] = [Number($("down").value), Number($("across").value)];
      [down, across] = d !== a ? [d, a] : [across, down]; // taking the other's dimension swaps them
      showAxes();
      if (points) choose(datum);
      move(z);
    });
  }
  showAxes();
}

function showAxes() {
  [$("down").value, $("across").value] = [down, across];
  drawSliders();
}

// ------------------------------------------------------------------------------------------------------------ start

function everything() {
  if (points) {
    drawLegend();
    choose(datum);
  }
  setEnd("A", ends.A);
  move(z);
}

document.querySelector("main").hidden = false;
fresh($("image"));
$("rest").hidden = J < 3;
$("datum").hidden = $("points-tick").hidden = $("points-help").hidden = !points;
$("no-datum").hidden = Boolean(points);
if (J > 2) {
  chooseAxes();
  $("zero").addEventListener("click", () => move(Array(J).fill(0)));
}
for (const flat of document.querySelectorAll(".switch .flat"))
  if (J === 1) flat.textContent = flat.textContent === "plane" ? "line" : "interval";
look(view);
new ResizeObserver(resize).observe(plane);
addEventListener("resize", resize); // the ratio of pixels may change alone
darkMode.addEventListener("change", everything);

window.aevb = {
  decode, cdf, inverseCdf, place, placeDatum, mu, sigma, kl,
  state: () => ({ z, view, down, across, datum, ends, drawn }),
};
sheet.decode().catch(() => {}).then(everything).then(() => { window.aevb.ready = true; });
