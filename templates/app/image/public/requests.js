// @ts-check
import { act, api, byId, date, deleteButton, element, say } from './dom.js';
import { pagedList } from './list.js';

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

/** @param {any} request */
function draw(request) {
  const { id, title, kind, note, status, requestedBy, createdAt } = request;
  const steps = STEPS[status].map(([to, label]) => {
    const button = /** @type {HTMLButtonElement} */ (
      element('button', { type: 'button', className: 'quiet small', label: `${label}: ${title}`, data: { test: `request-${to}` } }, label)
    );
    button.addEventListener('click', () =>
      act(button, async () => {
        const changed = await api(`/api/requests/${id}`, { method: 'PATCH', json: { status: to } });
        requests.replace(row, changed);
        say(`“${title}” is now ${STATUSES[changed.status].toLowerCase()}.`);
      }),
    );
    return button;
  });
  const remove = deleteButton(title, async () => {
    await api(`/api/requests/${id}`, { method: 'DELETE' });
    requests.remove(row);
    say(`“${title}” was deleted.`);
  });
  const meta = [KINDS[kind], requestedBy && `asked by ${requestedBy}`, date(createdAt)].filter(Boolean).join(' · ');
  const row = element(
    'li',
    { className: 'item', data: { test: 'request-item', id: String(id), status } },
    element(
      'div',
      { className: 'text' },
      element('p', { className: 'name' }, title, ' ', element('span', { className: `chip ${status}` }, STATUSES[status])),
      note && element('p', { className: 'note' }, note),
      element('p', { className: 'meta' }, meta),
    ),
    element('div', { className: 'actions' }, ...steps, remove),
  );
  return row;
}

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
      requests.add(created);
      say(`“${created.title}” was requested.`);
      form.reset();
      key = newKey();
      byId('request-title').focus();
    });
  });
}

/** crypto.randomUUID is missing on plain http, which a home network may well use. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
