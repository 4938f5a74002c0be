// @ts-check
import { act, api, byId } from './dom.js';

/**
 * A list that grows by pages, newest first.
 * @param {string} name of the list's element
 * @param {(item: any) => HTMLElement} draw
 * @param {string} [path] in the API, with the start of a query
 */
export function pagedList(name, draw, path = `/api/${name}?`) {
  const list = byId(name);
  const more = byId(`${name}-more`);
  /** @type {number | null} */
  let next = null;

  const settle = () => {
    byId(`${name}-empty`).hidden = list.children.length > 0;
    more.hidden = next === null;
  };

  const rowOf = (/** @type {string | number} */ id) =>
    /** @type {HTMLElement[]} */ ([...list.children]).find((child) => child.dataset.id === String(id));

  async function load() {
    const { items, nextBefore } = await api(`${path}limit=20${next === null ? '' : `&before=${next}`}`);
    next = nextBefore;
    list.append(...items.map(draw));
    settle();
  }

  more.addEventListener('click', () => act(more, load));

  return {
    load,
    add(/** @type {any} */ item) {
      list.prepend(draw(item));
      settle();
    },
    /** Draws an item again, where it is in this list. */
    refresh(/** @type {any} */ item) {
      const node = rowOf(item.id);
      if (!node) return;
      const focused = node.contains(document.activeElement);
      const fresh = draw(item);
      node.replaceWith(fresh);
      // The pressed button is gone with its row; keyboard users go on from the new one.
      if (focused) fresh.querySelector('button')?.focus();
    },
    remove(/** @type {string | number} */ id) {
      rowOf(id)?.remove();
      settle();
    },
  };
}
