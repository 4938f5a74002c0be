// For nginx (njs): which clients are banned. One worker asks CrowdSec every two seconds; every request looks into shared memory.
import fs from 'fs';

const SAVED = '/var/cache/edge/bans';
const SAVE_EVERY = 30;
const LARGEST_ANSWER = 64 * 1024 * 1024;
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
  groups.forEach((group) => bytes.push(group >> 8, group & 255));
  return bytes;
}

// The first bits of an address: what is banned together has the same key.
function key(bytes, bits) {
  let text = `${bytes.length}/${bits}:`;
  for (let i = 0; i * 8 < bits; i++) text += ((bytes[i] & (0xff00 >> Math.min(8, bits - i * 8)) & 255) + 256).toString(16).slice(1);
  return text;
}

// A household has one IPv4 address, or one IPv6 network: a ban of an IPv6 address is one of its /64.
function place(value) {
  const parts = value.split('/');
  const bytes = parts[0].indexOf(':') < 0 ? ipv4(parts[0]) : ipv6(parts[0]);
  if (!bytes) return null;
  const bits = parts.length > 1 ? Number(parts[1]) : bytes.length === 4 ? 32 : 64;
  return bits >= 1 && bits <= bytes.length * 8 ? { bytes, bits } : null;
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

// An entry is its end (Unix time) and its reason, so that it can be saved.
function ban(value, until, reason) {
  const at = place(value);
  const left = until - Date.now() / 1000;
  if (!at || left <= 0) return;
  lengths(at.bytes.length, at.bits);
  ngx.shared.bans.set(key(at.bytes, at.bits), `${until} ${value} ${reason}`, Math.min(LONGEST_MS, Math.ceil(left * 1000)));
}

function lift(value) {
  const at = place(value);
  if (at) ngx.shared.bans.delete(key(at.bytes, at.bits));
}

function isBan(decision) {
  const scope = decision.scope.toLowerCase();
  return decision.type === 'ban' && (scope === 'ip' || scope === 'range');
}

// What is banned survives a restart of the edge also while CrowdSec is away.
function restore() {
  try {
    fs.readFileSync(SAVED, 'utf8')
      .split('\n')
      .forEach((line) => {
        const parts = line.split(' ');
        if (parts.length > 2) ban(parts[1], Number(parts[0]), parts.slice(2).join(' '));
      });
  } catch (e) {
    if (e.code !== 'ENOENT') ngx.log(ngx.ERR, `bans: ${SAVED} cannot be read: ${e.message}`);
  }
}

function save() {
  const lines = ngx.shared.bans.items().map((item) => item[1]);
  fs.writeFileSync(`${SAVED}.new`, `${lines.join('\n')}\n`);
  fs.renameSync(`${SAVED}.new`, SAVED);
}

async function ask(whole) {
  const answer = await ngx.fetch(`http://${bans_settings.server}/v1/decisions/stream?startup=${whole}`, {
    headers: { 'X-Api-Key': bans_key.key, 'User-Agent': 'medianest-edge/1' },
    max_response_body_size: LARGEST_ANSWER,
  });
  if (answer.status !== 200) throw new Error(`CrowdSec answers ${answer.status}`);
  const text = await answer.text();
  return JSON.parse(text);
}

// Only what is new is told, so an answer that was not taken whole makes the next one tell all.
async function poll() {
  const state = ngx.shared.bans_state;
  const now = Math.floor(Date.now() / 1000);
  let problem = '';
  if (!state.has('restored')) {
    restore();
    state.set('restored', '1');
  }
  try {
    const whole = !state.has('whole');
    const told = await ask(whole);
    const lifted = (told.deleted || []).filter(isBan);
    const added = (told.new || []).filter(isBan);
    state.delete('whole');
    lifted.forEach((decision) => lift(decision.value));
    added.forEach((decision) => ban(decision.value, now + Math.ceil(seconds(decision.duration)), decision.scenario));
    state.set('whole', '1');
    state.set('at', String(now));
    if (lifted.length + added.length > 0) state.set('unsaved', '1');
  } catch (e) {
    state.delete('whole');
    problem = e.message;
  }
  try {
    if (state.has('unsaved') && now - Number(state.get('saved') || 0) >= SAVE_EVERY) {
      save();
      state.set('saved', String(now));
      state.delete('unsaved');
    }
    const count = ngx.shared.bans.size();
    fs.writeFileSync('/run/bans', `${JSON.stringify({ now, at: Number(state.get('at') || 0), count, problem })}\n`);
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

// Until when the client is banned; empty where it is not. An issuer of certificates that asks for its challenge always gets it.
function until(r) {
  const bytes = client(r);
  if ((r.uri || '').indexOf('/.well-known/acme-challenge/') === 0) return '';
  const bits = lengths(bytes.length);
  for (let i = 0; i < bits.length; i++) {
    const entry = ngx.shared.bans.get(key(bytes, Number(bits[i])));
    if (entry === undefined) continue;
    const parts = entry.split(' ');
    if (r.variables.never_banned === '1' && parts[2] !== 'forced:') continue;
    return new Date(Number(parts[0]) * 1000).toISOString();
  }
  return '';
}

// The client as it is banned: an IPv4 address, or the first one of an IPv6 /64.
function network(r) {
  const bytes = client(r);
  if (bytes.length === 4) return bytes.join('.');
  const groups = [0, 2, 4, 6].map((i) => ((bytes[i] << 8) | bytes[i + 1]).toString(16));
  return `${groups.join(':')}::`;
}

export default { network, poll, until };
