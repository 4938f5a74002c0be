// @ts-check
import { act, api, byId, element, say } from './dom.js';
import { may } from './me.js';
import { newKey, noteRequest, watchLink } from './requests.js';

const KNOWN = { available: 'Available', partial: 'Partly available', requested: 'Requested' };
let words = '';
/** @type {number | null} */
let next = null;

/** Search through Overseerr: what it finds can be asked for, or watched. */
export function startSearch() {
  const form = byId('search-form');
  const more = byId('titles-more');
  form.addEventListener('submit', (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    void act(form.querySelector('button'), async () => {
      words = byId('search-words').value;
      byId('titles').replaceChildren();
      next = 1;
      await load();
    });
  });
  more.addEventListener('click', () => act(more, load));
}

async function load() {
  const { items, nextPage } = await api(`/api/search?query=${encodeURIComponent(words)}&page=${next}`);
  next = nextPage;
  const list = byId('titles');
  list.append(...items.map(draw));
  list.hidden = list.children.length === 0;
  byId('titles-more').hidden = next === null;
  if (list.hidden) say(`Nothing was found for “${words}”.`);
}

/** @param {any} title */
function draw({ tmdbId, kind, title, year, poster, overview, availability, watchUrl }) {
  const state = element(
    'span',
    { className: `chip ${availability === 'partial' ? 'approved' : availability}` },
    KNOWN[/** @type {keyof typeof KNOWN} */ (availability)] ?? '',
  );
  const ask = /** @type {HTMLButtonElement} */ (
    element('button', { type: 'button', className: 'primary small', label: `Request ${title}`, data: { test: 'title-request' } }, 'Request')
  );
  const key = newKey();
  ask.addEventListener('click', () =>
    act(ask, async () => {
      const created = await api('/api/requests', { method: 'POST', headers: { 'idempotency-key': key }, json: { title, kind, tmdbId } });
      noteRequest(created);
      ask.replaceWith(element('span', { className: 'chip requested' }, KNOWN.requested));
    }),
  );
  const asks = may('request') && availability !== 'available' && availability !== 'requested';
  return element(
    'li',
    { className: 'title', data: { test: 'title', tmdb: String(tmdbId) } },
    poster
      ? element('img', { src: `/api/posters/${poster}`, alt: '', loading: 'lazy', width: 300, height: 450 })
      : element('div', { className: 'no-poster' }),
    element('p', { className: 'name' }, title, year ? ` (${year})` : ''),
    element('p', { className: 'meta' }, kind === 'movie' ? 'Film' : 'Series'),
    overview && element('p', { className: 'overview' }, overview),
    element('div', { className: 'actions' }, availability && state, watchUrl && watchLink(title, watchUrl), asks && ask),
  );
}
