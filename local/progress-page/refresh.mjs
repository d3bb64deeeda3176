// Keeps the page up to date, without losing the place where somebody reads, what is unfolded, or where the focus is.

const pauseMs = 2_000;
const [content, gone, refresh] = ['dm-content', 'dm-gone', 'dm-refresh'].map((id) =>
  document.getElementById(id),
);
refresh.hidden = false;
const isWanted = () => refresh.querySelector('input').checked;

for (;;) {
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
  // Nobody sees it, or somebody is about to copy something.
  if (!isWanted() || document.hidden || getSelection()?.type === 'Range') {
    continue;
  }
  try {
    const answer = await fetch(location.href, { cache: 'no-store' });
    const next = new DOMParser()
      .parseFromString(await answer.text(), 'text/html')
      .getElementById('dm-content');
    const focused = document.activeElement?.id;
    change(content, next);
    if (focused && document.activeElement?.id !== focused) {
      document.getElementById(focused)?.focus();
    }
    gone.hidden = true;
  } catch {
    gone.hidden = false;
  }
}

/** Makes an element like another one, and changes no more of it than is another. */
function change(element, next) {
  for (const { name, value } of next.attributes) {
    if (element.getAttribute(name) !== value) {
      element.setAttribute(name, value);
    }
  }
  for (const { name } of [...element.attributes]) {
    // Whether it is unfolded, the reader says.
    if (!next.hasAttribute(name) && !(element.localName === 'details' && name === 'open')) {
      element.removeAttribute(name);
    }
  }
  const wanted = [...next.childNodes];
  for (const [i, child] of wanted.entries()) {
    const found = element.childNodes[i];
    if (found === undefined || !isSame(found, child)) {
      const known = child.id && [...element.childNodes].find((each) => isSame(each, child));
      const placed = known || document.importNode(child, true);
      element.insertBefore(placed, found ?? null);
      if (known) {
        change(placed, child);
      }
    } else if (child.nodeType === Node.ELEMENT_NODE) {
      change(found, child);
    } else if (found.data !== child.data) {
      found.data = child.data;
    }
  }
  while (element.childNodes.length > wanted.length) {
    element.lastChild.remove();
  }
}

/** Whether two nodes stand for the same thing: a button stays the button of its migration. */
function isSame(one, other) {
  return one.nodeName === other.nodeName && (one.id ?? '') === (other.id ?? '');
}
