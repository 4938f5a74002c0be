// @ts-check
import { api, byId, date, deleteButton, element, say } from './dom.js';
import { pagedList } from './list.js';
import { may } from './me.js';

export const uploads = pagedList('uploads', draw);

/** @param {any} upload */
function draw({ id, name, size, sha256, uploadedBy, mine, createdAt }) {
  const remove = deleteButton(name, async () => {
    await api(`/api/uploads/${id}`, { method: 'DELETE' });
    uploads.remove(id);
    say(`“${name}” was deleted.`);
  });
  const meta = [readable(size), uploadedBy && `from ${uploadedBy}`, date(createdAt)].filter(Boolean).join(' · ');
  return element(
    'li',
    { className: 'item', data: { test: 'upload-item', id } },
    element(
      'div',
      { className: 'text' },
      element('a', { className: 'name', href: `/api/uploads/${id}`, title: `SHA-256 ${sha256}`, download: name }, name),
      element('p', { className: 'meta' }, meta),
    ),
    element('div', { className: 'actions' }, (may('decide') || mine) && remove),
  );
}

export function startUploads() {
  const input = byId('upload-input');
  const area = byId('upload-area');
  input.addEventListener('change', async () => {
    await sendAll([...input.files]);
    input.value = '';
  });
  // Without this a file dropped beside the area would replace the page.
  for (const type of ['dragover', 'drop']) window.addEventListener(type, (event) => event.preventDefault());
  area.addEventListener('dragover', () => area.classList.add('dragging'));
  area.addEventListener('dragleave', (/** @type {DragEvent} */ event) => {
    if (!area.contains(event.relatedTarget)) area.classList.remove('dragging');
  });
  area.addEventListener('drop', (/** @type {DragEvent} */ event) => {
    area.classList.remove('dragging');
    void sendAll([...(event.dataTransfer?.files ?? [])]);
  });
}

/** @param {File[]} files */
async function sendAll(files) {
  const failures = [];
  for (const file of files) {
    try {
      uploads.add(await send(file));
    } catch (error) {
      failures.push(`“${file.name}” was not stored: ${error instanceof Error ? error.message : error}`);
    }
  }
  byId('upload-progress').hidden = true;
  if (failures.length > 0) say(failures.join(' '), { bad: true });
  else if (files.length > 0) say(files.length === 1 ? `“${files[0].name}” was stored.` : `${files.length} files were stored.`);
}

/**
 * fetch cannot tell how far an upload has come.
 * @param {File} file
 * @returns {Promise<any>}
 */
function send(file) {
  const bar = byId('upload-bar');
  bar.value = 0;
  byId('upload-label').textContent = `Sending ${file.name}`;
  byId('upload-progress').hidden = false;
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.upload.addEventListener('progress', (event) => {
      bar.value = (event.loaded / event.total) * 100;
    });
    request.addEventListener('error', () => reject(new Error('the connection was lost.')));
    request.addEventListener('load', () => {
      const answer = parse(request.responseText);
      if (request.status === 201) resolve(answer);
      else reject(new Error(answer?.message ?? `the server answered with HTTP ${request.status}.`));
    });
    const form = new FormData();
    form.append('file', file);
    request.open('POST', '/api/uploads');
    request.send(form);
  });
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {number} bytes */
function readable(bytes) {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${Number((bytes / 1000 ** power).toFixed(1))} ${units[power]}`;
}
