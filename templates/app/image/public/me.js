// @ts-check
import { api, byId, element } from './dom.js';

/** @typedef {{signOn: boolean, name: string | null, role: string | null, rights: string[], quota: {limit: number, used: number, days: number} | null, search: boolean, signOutUrl: string | null}} Me */

/** @type {Me} Until the portal has said it: nothing. */
let me = { signOn: true, name: null, role: null, rights: [], quota: null, search: false, signOutUrl: null };

/** @param {string} right */
export const may = (right) => me.rights.includes(right);

/** Whether this visitor has a queue of requests to decide on. */
export const decides = () => me.signOn && may('decide');

/** Shows of the page what this visitor may use. */
export async function loadMe() {
  me = await api('/api/me');
  byId('session-form').hidden = me.signOn;
  byId('sign-on-off').hidden = me.signOn;
  byId('request-form').hidden = !may('request');
  byId('upload-drop').hidden = !may('request');
  byId('search-form').hidden = !me.search;
  byId('queue-area').hidden = !decides();
  if (me.search) byId('request-title-label').textContent = 'Not found? Ask in your own words';
  if (me.signOn) showName();
  showQuota();
  return me;
}

/** After a request of one's own. */
export function countRequest() {
  if (me.quota) me.quota.used += 1;
  showQuota();
}

function showName() {
  const box = byId('me');
  box.replaceChildren(
    element('span', { className: 'name' }, me.name),
    element('span', { className: 'chip' }, me.role),
    ...(may('administer')
      ? [element('a', { className: 'button quiet small', href: '/admin', data: { test: 'admin-link' } }, 'Administration')]
      : []),
    ...(me.signOutUrl ? [element('a', { className: 'button quiet small', href: me.signOutUrl }, 'Sign out')] : []),
  );
  box.hidden = false;
}

function showQuota() {
  const line = byId('quota');
  line.hidden = !me.quota;
  if (!me.quota) return;
  const { limit, used, days } = me.quota;
  line.textContent = `${Math.max(limit - used, 0)} of ${limit} requests left in ${days} days.`;
}
