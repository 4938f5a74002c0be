// @ts-check
import { act, api, byId, date, element, say } from './dom.js';
import { pagedList } from './list.js';

const LANES = { forward: 'Overseerr', mail: 'E-mail', ntfy: 'ntfy', webhook: 'Webhook' };

const people = pagedList('people', draw);

/** @param {any} person */
function draw({ id, name, email, role, requestQuota, lastSeen, requests, requestsInQuota }) {
  const input = /** @type {HTMLInputElement} */ (
    element('input', {
      type: 'number',
      min: '0',
      max: '1000',
      value: requestQuota ?? '',
      placeholder: 'usual',
      label: `Requests of ${name} in 7 days`,
      data: { test: 'quota-input' },
    })
  );
  const save = element(
    'button',
    { type: 'submit', className: 'quiet small', label: `Save the quota of ${name}`, data: { test: 'quota-save' } },
    'Save',
  );
  const form = element('form', { className: 'quota-form' }, input, save);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void act(/** @type {HTMLButtonElement} */ (save), async () => {
      const wanted = input.value === '' ? null : Number(input.value);
      await api(`/api/people/${id}`, { method: 'PATCH', json: { requestQuota: wanted } });
      say(wanted === null ? `${name} has the usual quota.` : `${name} may make ${wanted} requests in 7 days.`);
    });
  });
  return element(
    'li',
    { className: 'item', data: { test: 'person', id: String(id) } },
    element(
      'div',
      { className: 'text' },
      element('p', { className: 'name' }, name, ' ', element('span', { className: 'chip' }, role)),
      element('p', { className: 'meta' }, [email, `here on ${date(lastSeen)}`].filter(Boolean).join(' · ')),
      element('p', { className: 'meta' }, `${requests} ${requests === 1 ? 'request' : 'requests'}, ${requestsInQuota} in the last 7 days`),
    ),
    role === 'member' && form,
  );
}

/** @param {any} delivery */
function drawDelivery({ request, lane, event, title, attempts, message, failed }) {
  const retry = /** @type {HTMLButtonElement} */ (
    element('button', { type: 'button', className: 'quiet small', label: `Try again: ${title}`, data: { test: 'retry' } }, 'Try again')
  );
  retry.addEventListener('click', () =>
    act(retry, async () => {
      await api(`/api/requests/${request}/retry`, { method: 'POST' });
      say('It is tried again.');
      await showDeliveries();
    }),
  );
  const state = failed
    ? element('span', { className: 'chip declined' }, 'Failed')
    : element('span', { className: 'chip requested' }, 'Waiting');
  return element(
    'li',
    { className: 'item', data: { test: 'delivery', lane } },
    element(
      'div',
      { className: 'text' },
      element('p', { className: 'name' }, `${title}: ${event}`, ' ', state),
      element('p', { className: 'meta' }, `${LANES[/** @type {keyof typeof LANES} */ (lane)] ?? lane} · tried ${attempts} times`),
      message && element('p', { className: 'note' }, message),
    ),
    failed && element('div', { className: 'actions' }, retry),
  );
}

async function showDeliveries() {
  const { items } = await api('/api/deliveries');
  byId('deliveries').replaceChildren(...items.map(drawDelivery));
  byId('deliveries-empty').hidden = items.length > 0;
}

async function showUsual() {
  const { usualQuota } = await api('/api/people?limit=1');
  byId('usual-quota').textContent = `A member may make ${usualQuota} requests in 7 days, if nothing else is said here.`;
}

for (const load of [people.load, showDeliveries, showUsual]) void act(null, load);
