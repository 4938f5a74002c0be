// @ts-check
import { act, api, byId, element, say } from './dom.js';
import { decides, loadMe } from './me.js';
import { queue, requests, startRequests } from './requests.js';
import { startSearch } from './search.js';
import { startUploads, uploads } from './uploads.js';

const REFRESH_MS = 15_000;
const WORDS = { up: 'Up', down: 'Down', 'not-configured': 'Off' };

async function showStatus() {
  const { services, media, app } = await api('/api/status');
  for (const [name, state] of Object.entries(services)) showService(name, /** @type {any} */ (state));
  byId('library').textContent = media.available ? library(media) : '';
  byId('about').textContent = `Version ${app.version} · served by ${app.replica}`;
}

/** @param {string} name @param {{status: keyof WORDS, message: string, version?: string, latencyMs?: number}} state */
function showService(name, state) {
  const card = document.querySelector(`[data-service="${name}"]`);
  if (!card) return;
  const details =
    state.status === 'up'
      ? [state.version && `Version ${state.version}`, `${state.latencyMs} ms`].filter(Boolean).join(' · ')
      : state.message;
  card.setAttribute('data-status', state.status);
  card.querySelector('.chip')?.remove();
  card.append(element('span', { className: `chip ${state.status}` }, WORDS[state.status]));
  const line = card.querySelector('.state');
  if (line) line.textContent = details;
}

/** @param {{folders: number, files: number}} media */
function library({ folders, files }) {
  return `Library: ${folders} ${folders === 1 ? 'folder' : 'folders'}, ${files} ${files === 1 ? 'file' : 'files'}`;
}

function startSession() {
  const form = byId('session-form');
  const input = byId('session-name');
  form.addEventListener('submit', (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    void act(form.querySelector('button'), async () => {
      const { name } = await api('/api/session', { method: 'POST', json: { name: input.value } });
      say(`Hello, ${name}.`);
    });
  });
  return async () => {
    const session = await api('/api/session');
    if (session.name) input.value = session.name;
    if (!session.available) input.placeholder = 'Not available right now';
  };
}

startRequests();
startUploads();
startSearch();
const showSession = startSession();
void act(null, async () => {
  const { signOn } = await loadMe();
  const own = signOn ? (decides() ? [queue.load] : []) : [showSession];
  for (const load of [showStatus, ...own, requests.load, uploads.load]) void act(null, load);
});

// A page in the background asks for nothing; a failed refresh is shown by the next one.
setInterval(() => {
  if (!document.hidden) showStatus().catch(() => {});
}, REFRESH_MS);
