// For nginx (njs): which clients are banned. One worker asks CrowdSec every five seconds; every request looks into shared memory.
// biome-ignore lint/style/useNodejsImportProtocol: njs knows modules by their plain names
import fs from 'fs';

const SAVED = '/var/cache/edge/bans';
const PART = 256 * 1024;
const CUT = '"duration":';
const MOST_LINES = 2000;
const LARGEST_ANSWER = 64 * 1024 * 1024;
// Less is free of the memory for bans only while it is full.
const FULL = 128 * 1024;
const LONGEST_MS = 365 * 24 * 3600 * 1000;

function ipv4(text) {
  const parts = text.split('.').map(Number);
  return parts.length === 4 && parts.every((part) => part >= 0 && part <= 255) ? parts : null;
}

function ipv6(text) {
  const halves = text.split('::');
  const before = halves[0] === '' ? [] : halves[0].split(':');
  const after = halves.length < 2 || halves[1] === '' ? [] : halves[1].split(':');
  const missing = 8 - before.length - after.length;
  if (halves.length > 2 || (halves.length === 1 ? missing !== 0 : missing < 1)) return null;
  const groups = before.concat(new Array(missing).fill('0'), after).map((group) => parseInt(group, 16));
  if (!groups.every((group) => group >= 0 && group <= 65535)) return null;
  const bytes = [];
  for (let i = 0; i < 8; i++) bytes.push(groups[i] >> 8, groups[i] & 255);
  return bytes;
}

// What is banned together has the same key: an IPv4 address as it is written, or the first bits of an address.
function key(bytes, bits) {
  if (bits === 32 && bytes.length === 4) return bytes.join('.');
  let text = `${bytes.length}/${bits}:`;
  for (let i = 0; i * 8 < bits; i++) text += ((bytes[i] & (0xff00 >> Math.min(8, bits - i * 8)) & 255) + 256).toString(16).slice(1);
  return text;
}

// The key of a decision. A household has one IPv4 address, or one IPv6 network: a ban of an IPv6 address is one of its /64.
function keyOf(value) {
  if (/^[0-9.]+$/.test(value)) return value;
  const parts = value.split('/');
  const bytes = parts[0].indexOf(':') < 0 ? ipv4(parts[0]) : ipv6(parts[0]);
  if (!bytes) return undefined;
  const bits = parts.length > 1 ? Number(parts[1]) : 64;
  if (!(bits >= 1 && bits <= bytes.length * 8)) return undefined;
  lengths(bytes.length, bits);
  return key(bytes, bits);
}

// Seconds of `3h59m56.98s`, `500ms`.
function seconds(text) {
  const parts = /^(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?/.exec(text);
  return parts ? Number(parts[1] || 0) * 3600 + Number(parts[2] || 0) * 60 + Number(parts[3] || 0) : 0;
}

// Lengths of ranges that there are, beside single clients.
function lengths(family, more) {
  const known = (ngx.shared.bans_state.get(`bits${family}`) || (family === 4 ? '32' : '64')).split(',');
  if (more !== undefined && known.indexOf(String(more)) < 0) {
    known.push(String(more));
    ngx.shared.bans_state.set(`bits${family}`, known.join(','));
  }
  return known;
}

// An entry is its end (Unix time) and its reason.
function ban(value, until, reason) {
  const name = keyOf(value);
  const left = until - Date.now() / 1000;
  if (name !== undefined && left > 0) ngx.shared.bans.set(name, `${until} ${reason}`, Math.min(LONGEST_MS, Math.ceil(left * 1000)));
}

function lift(value) {
  const name = keyOf(value);
  if (name !== undefined) ngx.shared.bans.delete(name);
}

function field(piece, name) {
  const at = piece.indexOf(`"${name}":"`);
  const from = at + name.length + 4;
  return at < 0 ? '' : piece.slice(from, piece.indexOf('"', from));
}

// Takes a part of the file: answers {"deleted":[...],"new":[...]}, each in a line with its moment. They are cut at what no text in them
// can hold, as quotes in a text are escaped.
function take(text) {
  const state = ngx.shared.bans_state;
  let at = Number(state.get('moment') || 0);
  let added = state.get('list') === 'new';
  text.split(CUT).forEach((piece, i) => {
    const type = i === 0 ? '' : field(piece, 'type');
    const scope = i === 0 ? '' : field(piece, 'scope').toLowerCase();
    if (type === 'ban' && (scope === 'ip' || scope === 'range')) {
      const value = field(piece, 'value');
      if (added) ban(value, at + Math.ceil(seconds(piece.slice(1, piece.indexOf('"', 1)))), field(piece, 'scenario'));
      else lift(value);
    }
    // An answer that tells of no ban has no piece of its own: the last line counts.
    const line = piece.lastIndexOf('\n');
    if (line >= 0) at = Number(piece.slice(line + 1, piece.indexOf(' ', line)));
    if (piece.indexOf('"new":', Math.max(0, line)) >= 0) added = true;
    else if (line >= 0) added = false;
  });
  state.set('moment', String(at));
  state.set('list', added ? 'new' : 'deleted');
}

// The next part of the file; a request waits for no more than that.
function takePart() {
  const state = ngx.shared.bans_state;
  const offset = Number(state.get('offset') || 0);
  const file = fs.openSync(SAVED, 'r');
  try {
    const buffer = Buffer.alloc(PART);
    const count = fs.readSync(file, buffer, 0, PART, offset);
    if (count === 0) return;
    const cut = buffer.lastIndexOf(CUT);
    const last = count < PART || cut < 1 ? count : cut;
    take(buffer.slice(0, last).toString());
    state.set('offset', String(offset + last));
  } finally {
    fs.closeSync(file);
  }
}

// The file holds the last whole answer and what was told since: bans survive a restart of the edge also while CrowdSec is away.
function keep(answer, at, whole) {
  const state = ngx.shared.bans_state;
  const line = `\n${at} ${answer.trim()}`;
  if (whole) {
    fs.writeFileSync(`${SAVED}.new`, line);
    fs.renameSync(`${SAVED}.new`, SAVED);
    state.set('offset', '0');
  } else {
    fs.appendFileSync(SAVED, line);
  }
  const lines = whole ? 1 : Number(state.get('lines') || 0) + 1;
  state.set('lines', String(lines));
  if (lines > MOST_LINES) state.delete('whole');
}

// Only what is new since the last answer is told, so one that was lost, or not taken, makes the next one tell all.
async function ask(now) {
  const state = ngx.shared.bans_state;
  const whole = !state.has('whole');
  state.delete('whole');
  const answer = await ngx.fetch(`http://${bans_settings.server}/v1/decisions/stream?startup=${whole}`, {
    headers: { 'X-Api-Key': bans_key.key, 'User-Agent': 'medianest-edge/1' },
    max_response_body_size: LARGEST_ANSWER,
  });
  if (answer.status !== 200) throw new Error(`CrowdSec answers ${answer.status}`);
  const text = await answer.text();
  if (text.indexOf('{"deleted":') !== 0 || text.indexOf('"new":') < 0) throw new Error('CrowdSec answers something else');
  state.set('whole', '1');
  state.set('at', String(now));
  if (!whole && text.indexOf(CUT) < 0) return;
  try {
    keep(text, now, whole);
  } catch (e) {
    // The disk is full, or broken: bans are in force all the same.
    take(`\n${now} ${text}`);
    throw e;
  }
}

// Twice a second: a long list is taken in parts.
function read() {
  try {
    takePart();
  } catch (e) {
    if (e.code !== 'ENOENT') ngx.log(ngx.ERR, `bans: ${SAVED}: ${e.message}`);
  }
}

// nginx ends a round that is not done when the next one is due.
async function poll() {
  const state = ngx.shared.bans_state;
  const now = Math.floor(Date.now() / 1000);
  let problem = '';
  try {
    await ask(now);
  } catch (e) {
    problem = e.message;
  }
  try {
    const count = ngx.shared.bans.size();
    const full = ngx.shared.bans.freeSpace() < FULL;
    fs.writeFileSync('/run/bans', `${JSON.stringify({ now, at: Number(state.get('at') || 0), count, full, problem })}\n`);
    // A line for CrowdSec: it shows that lines arrive, on a quiet day too.
    await ngx.fetch('http://127.0.0.1:8085/beat');
  } catch (e) {
    ngx.log(ngx.ERR, `bans: ${e.message}`);
  }
}

// IPv4 in IPv6 (RFC 4291, 2.5.5.2) is the IPv4 address.
function client(r) {
  const raw = Array.from(r.rawVariables.binary_remote_addr);
  const mapped = raw.length === 16 && raw.slice(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 255));
  return mapped ? raw.slice(12) : raw;
}

// The entry of the client. Most requests end after one look: no IPv6 address, and no range that is banned.
function entryOf(r) {
  const bans = ngx.shared.bans;
  const address = r.variables.remote_addr;
  const plain = address.indexOf(':') < 0;
  const entry = plain ? bans.get(address) : undefined;
  if (entry !== undefined || (plain && !ngx.shared.bans_state.has('bits4'))) return entry;
  const bytes = client(r);
  const bits = lengths(bytes.length);
  for (let i = 0; i < bits.length; i++) {
    const one = bans.get(key(bytes, Number(bits[i])));
    if (one !== undefined) return one;
  }
  return undefined;
}

// Until when the client is banned; empty where it is not. An issuer of certificates that asks for its challenge always gets it.
function until(r) {
  const entry = entryOf(r);
  if (entry === undefined || (r.uri || '').indexOf('/.well-known/acme-challenge/') === 0) return '';
  const parts = entry.split(' ');
  if (r.variables.never_banned === '1' && parts[1] !== 'forced:') return '';
  return new Date(Number(parts[0]) * 1000).toISOString();
}

// The client as it is banned: an IPv4 address, or the first one of an IPv6 /64.
function network(r) {
  const bytes = client(r);
  if (bytes.length === 4) return bytes.join('.');
  const groups = [0, 2, 4, 6].map((i) => ((bytes[i] << 8) | bytes[i + 1]).toString(16));
  return `${groups.join(':')}::`;
}

export default { network, poll, read, until };
