/** What does not fit a screen or a thumb (`misfits`), and what can be read (`texts`). Run in a page by fit.py. */

const PRESSED = "a[href], button, input, select, textarea, summary, [role=button], [role=switch], [role=tab], [role=option], [role=checkbox]";
const NAMES = ["aria-label", "title", "placeholder", "alt"];
const TOUCH = 43.5;
const frames = new Map();
const unseen = (box) => box.width <= 1 || box.height <= 1 || box.right <= 0 || box.bottom + scrollY <= 0;
const shown = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true });
const folds = (overflow) => /hidden|clip/.test(overflow);
const scrolls = (overflow) => /auto|scroll/.test(overflow);

function said(node) {
  const words = (node.getAttribute("aria-label") ?? node.textContent ?? "").trim().slice(0, 50);
  return `<${node.tagName.toLowerCase()} class="${node.getAttribute("class") ?? ""}"> ${words}`;
}

function* textNodes(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (walker.currentNode.data.trim()) yield walker.currentNode;
}

/** What is pressed: the node, or the label around or beside a box to tick. */
function area(node) {
  const boxes = [node.getBoundingClientRect()];
  if (node.matches("input[type=checkbox], input[type=radio], input[type=file]")) {
    const label = node.closest("label") ?? document.querySelector(`label[for="${CSS.escape(node.id)}"]`);
    if (label) boxes.push(label.getBoundingClientRect());
  }
  return boxes.reduce((one, two) => (one.width * one.height >= two.width * two.height ? one : two));
}

/** A link within a sentence. */
function running(node) {
  const beside = [...node.parentNode.childNodes];
  return node.matches("a") && getComputedStyle(node).display === "inline" && beside.some((one) => one.nodeType === Node.TEXT_NODE && one.data.trim());
}

/** The marks of a drawing are exempt: the same figures stand in the table under it. */
function small(root) {
  const found = [];
  for (const node of root.querySelectorAll(PRESSED)) {
    if (!shown(node) || node.closest("svg") || running(node)) continue;
    const box = area(node);
    if (!unseen(box) && (box.width < TOUCH || box.height < TOUCH)) found.push(`small: ${Math.round(box.width)} x ${Math.round(box.height)} ${said(node)}`);
  }
  return found;
}

/** How a node holds what is in it; `fine` when its words are meant to be cut: by an ellipsis, or for screen readers alone. */
function held(node) {
  if (!frames.has(node)) {
    const look = getComputedStyle(node);
    const frame = node.getBoundingClientRect();
    const fine = unseen(frame) || look.clipPath !== "none" || look.webkitLineClamp !== "none" || look.textOverflow === "ellipsis";
    frames.set(node, { look: { overflowX: look.overflowX, overflowY: look.overflowY }, frame, fine });
  }
  return frames.get(node);
}

/** Why words cannot be read: cut off by what holds them without an ellipsis that says so, or beyond a button or the screen. */
function cut(text) {
  const parent = text.parentElement;
  if (!shown(parent) || parent.closest("svg, option, noscript, .skip")) return "";
  const range = document.createRange();
  range.selectNodeContents(text);
  const box = range.getBoundingClientRect();
  if (unseen(box)) return "";
  let [across, down] = [true, true];
  for (let node = parent; node && node !== document.documentElement; node = node.parentElement) {
    const { look, frame, fine } = held(node);
    if (fine) return "";
    const beside = box.right > frame.right + 1 || box.left < frame.left - 1;
    if (across && beside && folds(look.overflowX)) return `cut off in ${said(node)}`;
    if (down && folds(look.overflowY) && (box.bottom > frame.bottom + 3 || box.top < frame.top - 3)) return `cut off below in ${said(node)}`;
    if (across && beside && node.matches("button, .button, .chip")) return `sticks out of ${said(node)}`;
    if (scrolls(look.overflowX)) across = false;
    if (scrolls(look.overflowY)) down = false;
  }
  return across && box.right > innerWidth + 1 ? "beyond the edge" : "";
}

function misfits(touch) {
  const root = document.querySelector("dialog:modal") ?? document.body;
  const wide = document.documentElement.scrollWidth;
  const found = wide > innerWidth ? [`the page is ${wide} px wide, the screen ${innerWidth}`] : [];
  if (touch) found.push(...small(root));
  for (const text of textNodes(root)) {
    const why = cut(text);
    if (why) found.push(`"${text.data.trim().slice(0, 50)}" ${why}`);
  }
  return [...new Set(found)];
}

function texts() {
  const found = [];
  const other = "noscript, pre, [lang]:not(html)";
  for (const text of textNodes(document.body)) if (text.parentElement.checkVisibility() && !text.parentElement.closest(other)) found.push(text.data.trim());
  for (const node of document.querySelectorAll(NAMES.map((name) => `[${name}]`).join())) {
    if (node.checkVisibility() && !node.closest(other)) for (const name of NAMES) found.push((node.getAttribute(name) ?? "").trim());
  }
  return [document.title, ...new Set(found.filter(Boolean))];
}
