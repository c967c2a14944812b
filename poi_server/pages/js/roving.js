/** One stop of the Tab key for many marks: the arrow keys move among those with the class `pick`, by where they stand. */

const AXES = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
const ASIDE = 3; // how much worse it is to be beside the way than to be far along it

/** Props that make an SVG mark a button: its words, and what a click, Enter or the space bar does. */
export function pickable(label, onpick) {
  const onkeydown = (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    onpick();
  };
  return { class: "pick", role: "button", tabindex: -1, "aria-label": label, onclick: onpick, onkeydown };
}

/** Let the arrow keys move within `node`; the first mark is where Tab stops. */
export function roving(node) {
  node.querySelector(".pick")?.setAttribute("tabindex", "0");
  node.onkeydown = (event) => {
    const way = AXES[event.key];
    const here = event.target.closest?.(".pick");
    if (!way || !here) return;
    event.preventDefault();
    move(here, nearest(here, [...event.currentTarget.querySelectorAll(".pick")], way));
  };
  return node;
}

function move(here, there) {
  if (!there) return;
  here.setAttribute("tabindex", "-1");
  there.setAttribute("tabindex", "0");
  there.focus();
}

function nearest(here, all, [dx, dy]) {
  const [x, y] = middle(here);
  let [best, least] = [null, Infinity];
  for (const other of all) {
    const [ox, oy] = middle(other);
    const along = (ox - x) * dx + (oy - y) * dy;
    const aside = Math.abs((ox - x) * dy) + Math.abs((oy - y) * dx);
    const far = along + ASIDE * aside;
    if (other !== here && along > 0.5 && far < least) [best, least] = [other, far];
  }
  return best;
}

function middle(node) {
  const box = node.getBoundingClientRect();
  return [box.left + box.width / 2, box.top + box.height / 2];
}
