// Makes one tree of elements like another and leaves alone what is the same already: focus, selection, scrolling and opened
// details survive. Elements with the same data-key are the same thing; an element with data-own belongs to a script, and one
// with data-part is an excerpt that has its place already.
const key = (node) => node.dataset?.key;

export function morph(old, fresh) {
  if (old.dataset?.own !== undefined || fresh.dataset?.part !== undefined || old.isEqualNode(fresh)) {
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE || old.nodeName !== fresh.nodeName || key(old) !== key(fresh)) {
    old.replaceWith(fresh);
    return;
  }
  morphAttributes(old, fresh);
  morphChildren(old, fresh);
}

function morphAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && name !== "open") {
      old.removeAttribute(name);
    }
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && name !== "open") {
      old.setAttribute(name, value);
    }
  }
}

function morphChildren(old, fresh) {
  const keyed = new Map([...old.children].filter(key).map((child) => [key(child), child]));
  let next = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const isSame = next && !key(next) && !key(child) && next.nodeName === child.nodeName;
    const known = key(child) ? keyed.get(key(child)) : isSame && next;
    if (!known) {
      old.insertBefore(child, next);
    } else {
      if (known === next) {
        next = next.nextSibling;
      } else {
        old.insertBefore(known, next);
      }
      morph(known, child);
    }
  }
  while (next) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}
