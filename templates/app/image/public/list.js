// @ts-check
import { act, api, byId } from './dom.js';

/**
 * A list that grows by pages, newest first: `uploads` and `requests` share it.
 * @param {string} name of the list's element and of its path in the API
 * @param {(item: any) => HTMLElement} draw
 */
export function pagedList(name, draw) {
  const list = byId(name);
  const more = byId(`${name}-more`);
  /** @type {number | null} */
  let next = null;

  const settle = () => {
    byId(`${name}-empty`).hidden = list.children.length > 0;
    more.hidden = next === null;
  };

  async function load() {
    const { items, nextBefore } = await api(`/api/${name}?limit=20${next === null ? '' : `&before=${next}`}`);
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
    replace(/** @type {HTMLElement} */ node, /** @type {any} */ item) {
      const fresh = draw(item);
      node.replaceWith(fresh);
      // The pressed button is gone with its row; keyboard users go on from the new one.
      fresh.querySelector('button')?.focus();
    },
    remove(/** @type {HTMLElement} */ node) {
      node.remove();
      settle();
    },
  };
}
