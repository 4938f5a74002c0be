// @ts-check

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/**
 * Text only ever enters the page as text: names and titles are written by strangers.
 * @param {string} tag
 * @param {Record<string, any>} properties
 * @param {(Node | string | null | undefined | false)[]} children
 */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  const { data = {}, label, ...rest } = properties;
  Object.assign(node, rest);
  Object.assign(node.dataset, data);
  if (label) node.setAttribute('aria-label', label);
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let hiding;

/** @param {string} text @param {{bad?: boolean}} [options] */
export function say(text, { bad = false } = {}) {
  clearTimeout(hiding);
  const box = byId('message');
  box.classList.toggle('bad', bad);
  box.textContent = text;
  hiding = setTimeout(
    () => {
      box.textContent = '';
    },
    bad ? 15_000 : 6000,
  );
}

/** @param {string} path @param {RequestInit & {json?: unknown}} [options] */
export async function api(path, { json, ...options } = {}) {
  const headers = { ...options.headers, ...(json === undefined ? {} : { 'content-type': 'application/json' }) };
  const body = json === undefined ? undefined : JSON.stringify(json);
  const response = await fetch(path, { ...options, headers, body }).catch(() => {
    throw new Error('The server cannot be reached. Check your connection and try again.');
  });
  // Of the portal, or of the sign-in in front of it.
  if (response.status === 401) throw new Error('You are not signed in any more: load this page again.');
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new Error(answer?.message ?? `The server answered with HTTP ${response.status}.`);
  return answer;
}

/** Runs what a button stands for, once at a time, and puts any failure into words. */
export async function act(/** @type {HTMLButtonElement | null} */ button, /** @type {() => Promise<void>} */ run) {
  if (button) button.disabled = true;
  try {
    await run();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), { bad: true });
  } finally {
    if (button) button.disabled = false;
  }
}

/** A second press within some seconds confirms: deleting cannot be undone. */
export function deleteButton(/** @type {string} */ name, /** @type {() => Promise<void>} */ run) {
  const button = /** @type {HTMLButtonElement} */ (
    element('button', { type: 'button', className: 'quiet small danger', label: `Delete ${name}`, data: { test: 'delete' } }, 'Delete')
  );
  let armed = false;
  const disarm = () => {
    armed = false;
    button.textContent = 'Delete';
    button.setAttribute('aria-label', `Delete ${name}`);
  };
  button.addEventListener('click', () => {
    if (armed) return void act(button, run);
    armed = true;
    button.textContent = 'Really delete?';
    button.setAttribute('aria-label', `Really delete ${name}? Press again to confirm`);
    setTimeout(disarm, 5000);
  });
  return button;
}

const dates = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

/** @param {string} iso */
export const date = (iso) => dates.format(new Date(iso));
