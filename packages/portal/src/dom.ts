/** Elements without a framework: made by `h`, and brought up to date by `morph`, which leaves alone what a person is using. */

export type Child = Node | string | false | null | undefined;
type Handler = (event: Event) => void;
export type Props = Record<string, string | number | boolean | Handler | null | undefined>;

/** What belongs to the element that is there: whether a person opened it, or what it folds; whether its action runs. */
const KEPT = new Set(["open", "aria-expanded", "aria-disabled"]);
const HANDLERS = ["onclick", "onsubmit", "onchange"] as const;

/** Make an element. Text is always text, never markup. A function is an event handler; null and undefined set nothing. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined) continue;
    if (typeof value === "function") (element as unknown as Record<string, Handler>)[name] = value;
    else if (typeof value === "boolean" && !name.startsWith("aria-")) element.toggleAttribute(name, value);
    else element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== false && child !== null && child !== undefined));
  return element;
}

/** A name such as `order.paid_late`, which may break into lines after a dot or an underscore. */
export function breakable(name: string): Child[] {
  return name.split(/(?<=[._])/).flatMap((part, at) => (at ? [h("wbr"), part] : [part]));
}

/** Give `parent` these children, keeping the elements that it has: the focus, what is open, and a scroll position stay. */
export function morph(parent: ParentNode & Node, children: Node[]): void {
  const keyed = new Map<string, Element>();
  for (const old of parent.children) {
    const key = old.getAttribute("data-key");
    if (key) keyed.set(key, old);
  }
  let at = parent.firstChild;
  for (const next of children) {
    const key = next instanceof Element ? next.getAttribute("data-key") : null;
    const old = key ? keyed.get(key) : at;
    if (old && alike(old, next)) {
      if (old === at) at = at.nextSibling;
      else parent.insertBefore(old, at);
      patch(old, next);
    } else {
      parent.insertBefore(next, at);
    }
  }
  while (at) {
    const after: ChildNode | null = at.nextSibling;
    at.remove();
    at = after;
  }
}

function alike(old: Node, next: Node): boolean {
  if (old.nodeName !== next.nodeName) return false;
  return !(old instanceof Element && next instanceof Element) || old.getAttribute("data-key") === next.getAttribute("data-key");
}

function patch(old: Node, next: Node): void {
  if (!(old instanceof HTMLElement && next instanceof HTMLElement)) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  for (const name of HANDLERS) (old as unknown as Record<string, unknown>)[name] = next[name];
  for (const { name } of [...old.attributes]) {
    if (!KEPT.has(name) && !next.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (!KEPT.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  morph(old, [...next.childNodes]);
}
