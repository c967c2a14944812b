/** Building and patching the page: text only ever becomes text nodes, handlers are properties, no markup is parsed. */

const SVG = "http://www.w3.org/2000/svg";
const STATIC = document.documentElement.dataset.static ?? "";
const HANDLERS = ["onclick", "oninput", "onchange", "onsubmit", "onkeydown", "onpointerdown", "onclose", "ontoggle"];
/** What had the focus when the drawing began: moving an element takes its focus away. */
let focused = null;
const LIVE_PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "open", "indeterminate"]);

/** An element: `props` are attributes, `on...` handlers, `dataset`, `vars` (CSS custom properties) or live properties. */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** An SVG element. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

/** One of the pages' own icons; decorative unless it gets a label. */
export function icon(name, label) {
  const node = svg("svg", { class: "icon", viewBox: "0 0 24 24" }, svg("use", { href: `${STATIC}/icons/ui.svg#${name}` }));
  if (label) fill(node, { role: "img", "aria-label": label }, []);
  else node.setAttribute("aria-hidden", "true");
  return node;
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props)) setProp(node, name, value);
  node.append(...flat(children));
  return node;
}

function setProp(node, name, value) {
  if (value === undefined || value === null) return;
  if (name === "dataset") Object.assign(node.dataset, value);
  else if (name === "vars") for (const [key, v] of Object.entries(value)) node.style.setProperty(key, v);
  else if (name.startsWith("on")) node[name] = value;
  else if (name === "key") node.dataset.key = value;
  else if (LIVE_PROPERTIES.has(name) && name in node) {
    node[name] = value;
    if (name === "value") node.controlled = true;
  }
  else if (value === true) node.setAttribute(name, "");
  else if (value !== false) node.setAttribute(name, String(value));
}

function flat(children) {
  const kept = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  return kept.map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}

/** A place for an element that lives longer than one drawing: it stays where it is instead of being made anew. */
export function slot(node) {
  const mark = document.createComment("");
  mark.lives = node;
  return mark;
}

function settle(node) {
  if (node.lives) return node.lives;
  const marks = document.createTreeWalker(node, NodeFilter.SHOW_COMMENT);
  const found = [];
  while (marks.nextNode()) if (marks.currentNode.lives) found.push(marks.currentNode);
  for (const mark of found) mark.replaceWith(mark.lives);
  return node;
}

/** Make `parent` hold exactly these children, keeping what is already there: focus, scroll and animations survive. */
export function render(parent, ...children) {
  const outer = focused;
  focused = document.activeElement;
  patchChildren(parent, flat(children));
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus({ preventScroll: true });
  focused = outer;
  return parent;
}

function patchChildren(parent, fresh) {
  const keyed = new Map([...parent.children].filter((c) => c.dataset?.key).map((c) => [c.dataset.key, c]));
  let cursor = parent.firstChild;
  for (const node of fresh) {
    const kept = counterpart(parent, cursor, node, keyed);
    if (kept === cursor && cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(kept ?? settle(node), cursor);
    if (kept && kept !== node && kept !== node.lives) patch(kept, node);
  }
  while (cursor) {
    const next = cursor.nextSibling;
    cursor.remove();
    cursor = next;
  }
}

function counterpart(parent, cursor, node, keyed) {
  const same = node.lives ?? node;
  if (same.parentNode === parent) return same;
  if (node.lives) return null;
  const key = node.dataset?.key;
  if (key) {
    const found = keyed.get(key);
    return found && found.nodeName === node.nodeName ? found : null;
  }
  return cursor && cursor.nodeName === node.nodeName && !cursor.dataset?.key ? cursor : null;
}

function patch(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  patchAttributes(old, fresh);
  for (const name of HANDLERS) if (old[name] !== fresh[name]) old[name] = fresh[name];
  patchLive(old, fresh);
  if (!old.nodeName.includes("-") && old.dataset?.own === undefined) patchChildren(old, [...fresh.childNodes]);
}

function patchAttributes(old, fresh) {
  for (const name of fresh.style) old.style.setProperty(name, fresh.style.getPropertyValue(name));
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && name !== "open" && name !== "style") old.removeAttribute(name);
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value && name !== "open" && name !== "style") old.setAttribute(name, value);
  }
}

function patchLive(old, fresh) {
  if ("disabled" in old) old.disabled = fresh.disabled;
  if ("checked" in old) old.checked = fresh.checked;
  if (fresh.controlled && old !== focused && old.value !== fresh.value) old.value = fresh.value;
}
