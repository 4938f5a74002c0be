// @ts-check
import { act, api, byId, date, deleteButton, element, say } from './dom.js';
import { pagedList } from './list.js';
import { countRequest, decides, may } from './me.js';

const KINDS = { movie: 'Movie', series: 'Series', music: 'Music', other: 'Other' };
const STATUSES = { requested: 'Requested', approved: 'Approved', available: 'Available', declined: 'Declined' };
/** What can be done next from each status. @type {Record<string, [string, string][]>} */
const STEPS = {
  requested: [
    ['approved', 'Approve'],
    ['declined', 'Decline'],
  ],
  approved: [['available', 'Mark available']],
  available: [],
  declined: [['requested', 'Reopen']],
};

export const requests = pagedList('requests', draw);
export const queue = pagedList('queue', draw, '/api/requests?status=requested&');

/** A request may be in both lists; what is decided leaves the queue. @param {any} request */
function settle(request) {
  requests.refresh(request);
  queue.remove(request.id);
  if (request.status === 'requested' && decides()) queue.add(request);
}

/** A new one of this visitor's. @param {any} request */
export function noteRequest(request) {
  requests.add(request);
  if (decides()) queue.add(request);
  countRequest();
  say(`“${request.title}” was requested.`);
}

/** @param {any} request */
function draw(request) {
  const { id, title, year, kind, note, status, requestedBy, createdAt, poster, watchUrl, mine, forward } = request;
  const steps = (may('decide') ? STEPS[status] : []).map(([to, label]) => {
    const button = /** @type {HTMLButtonElement} */ (
      element('button', { type: 'button', className: 'quiet small', label: `${label}: ${title}`, data: { test: `request-${to}` } }, label)
    );
    button.addEventListener('click', () =>
      act(button, async () => {
        const changed = await api(`/api/requests/${id}`, { method: 'PATCH', json: { status: to } });
        settle(changed);
        say(`“${title}” is now ${STATUSES[changed.status].toLowerCase()}.`);
      }),
    );
    return button;
  });
  const remove = deleteButton(title, async () => {
    await api(`/api/requests/${id}`, { method: 'DELETE' });
    requests.remove(id);
    queue.remove(id);
    say(`“${title}” was deleted.`);
  });
  const removable = may('decide') || (mine && status === 'requested');
  const meta = [KINDS[kind], requestedBy && `asked by ${requestedBy}`, date(createdAt)].filter(Boolean).join(' · ');
  return element(
    'li',
    { className: 'item', data: { test: 'request-item', id: String(id), status } },
    poster && element('img', { className: 'thumb', src: `/api/posters/${poster}`, alt: '', loading: 'lazy', width: 40, height: 60 }),
    element(
      'div',
      { className: 'text' },
      element(
        'p',
        { className: 'name' },
        title,
        year ? ` (${year}) ` : ' ',
        element('span', { className: `chip ${status}` }, STATUSES[status]),
      ),
      note && element('p', { className: 'note' }, note),
      element('p', { className: 'meta' }, meta),
      forward && element('p', { className: 'meta', data: { test: 'forward' } }, forwarding(forward)),
    ),
    element('div', { className: 'actions' }, watchUrl && watchLink(title, watchUrl), ...steps, removable && remove),
  );
}

/** @param {{state: string, message: string | null}} forward */
function forwarding({ state, message }) {
  if (state === 'sent') return 'Overseerr has it.';
  const why = message ? ` ${message}` : '';
  return state === 'failed' ? `Overseerr did not get it.${why}` : `It waits for Overseerr.${why}`;
}

/** @param {string} title @param {string} url */
export const watchLink = (title, url) =>
  element(
    'a',
    {
      className: 'button quiet small',
      href: url,
      target: '_blank',
      rel: 'noopener noreferrer',
      label: `Watch ${title} in Plex`,
      data: { test: 'watch' },
    },
    'Watch',
  );

export function startRequests() {
  const form = byId('request-form');
  // One key for each request that the visitor means to make: pressing again after an error cannot make two.
  let key = newKey();
  form.addEventListener('input', () => {
    key = newKey();
  });
  form.addEventListener('submit', (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    void act(form.querySelector('button'), async () => {
      const { title, kind, note } = Object.fromEntries(new FormData(form));
      const created = await api('/api/requests', {
        method: 'POST',
        headers: { 'idempotency-key': key },
        json: { title, kind, ...(note ? { note } : {}) },
      });
      noteRequest(created);
      form.reset();
      key = newKey();
      byId('request-title').focus();
    });
  });
}

/** crypto.randomUUID is missing on plain http, which a home network may well use. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
