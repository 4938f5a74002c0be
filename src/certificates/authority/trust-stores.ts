import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Context } from '../../capability/capability.ts';
import { systemCode, UserError } from '../../core/errors.ts';
import { exists } from '../../core/files.ts';
import { runProgram } from '../../docker/compose.ts';

export interface TrustOutcome {
  /** What was done (or would be, in a dry run), and what is left to do by hand. */
  done: string[];
  left: string[];
}

/** Where Linux distributions keep roots of one's own, and what takes them up. */
const SYSTEM = [
  { folder: '/usr/local/share/ca-certificates', update: 'update-ca-certificates', from: 'ca-certificates' },
  { folder: '/etc/pki/ca-trust/source/anchors', update: 'update-ca-trust', from: 'ca-certificates' },
  { folder: '/etc/ca-certificates/trust-source/anchors', update: 'update-ca-trust', from: 'ca-certificates-utils' },
];

/** Browsers that ask the store of Chromium, which each makes at its own first start. */
const CHROMIUM = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'brave-browser', 'microsoft-edge'];
const CHROMIUM_STORE = '.pki/nssdb';

/** One root under a name of its own, so that two can be trusted while roots change. */
interface Root {
  pem: string;
  mark: string;
}

const marked = (pem: string): Root => ({ pem, mark: new X509Certificate(pem).fingerprint256.replaceAll(':', '').slice(0, 16) });

/** NSS databases of Chromium and Firefox, also those of a snap or a flatpak. @param unseen called with each folder that cannot be read */
function browserStores(home: string, unseen: (why: string) => void): string[] {
  const profiles = ['.mozilla/firefox', 'snap/firefox/common/.mozilla/firefox', '.var/app/org.mozilla.firefox/.mozilla/firefox'].flatMap(
    (folder) => {
      const root = path.join(home, folder);
      return isThere(root, unseen) ? readdirSync(root).map((name) => path.join(root, name)) : [];
    },
  );
  const chromium = [CHROMIUM_STORE, '.local/share/pki/nssdb', 'snap/chromium/current/.pki/nssdb'].map((folder) => path.join(home, folder));
  return [...chromium, ...profiles].filter((folder) => isThere(path.join(folder, 'cert9.db'), unseen));
}

/** As `exists`; undefined where it cannot be told. */
function isThere(file: string, unseen: (why: string) => void = () => {}): boolean | undefined {
  try {
    return exists(file);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    unseen(error.message);
    return undefined;
  }
}

type Told = { ok: true; output: string } | { ok: false; why: string };

/** Runs a program of the system; the error for a missing one names the package that contains it. */
async function tell(program: string, args: readonly string[], packageName: string, input?: string): Promise<Told> {
  try {
    const { exitCode, stdout, tail } = await runProgram(program, args, input === undefined ? {} : { input });
    return exitCode === 0 ? { ok: true, output: stdout } : { ok: false, why: `${program} says: ${tail.slice(-1).join('') || exitCode}` };
  } catch (error) {
    const missing = systemCode((error as Error).cause) === 'ENOENT';
    return { ok: false, why: missing ? `${program} is not installed (Debian: apt install ${packageName})` : (error as Error).message };
  }
}

const certutil = (store: string, args: readonly string[], input?: string) =>
  tell('certutil', [...args, '-d', `sql:${store}`], 'libnss3-tools', input);

/**
 * Makes the system and the calling user's browsers trust these roots, and no others of this project. What they trust
 * already stays as it is.
 */
export async function trustRoots(context: Context, project: string, pems: readonly string[]): Promise<TrustOutcome> {
  return settle(context, project, pems.map(marked));
}

/** Undoes what `trustRoots` did, also for roots that are no longer in use. */
export async function untrustRoots(context: Context, project: string): Promise<TrustOutcome> {
  return settle(context, project, []);
}

async function settle(context: Context, project: string, roots: readonly Root[]): Promise<TrustOutcome> {
  const outcome: TrustOutcome = { done: [], left: [] };
  const { dryRun } = context.flags;
  await settleSystem(project, roots, outcome, dryRun);
  const home = context.env.HOME ?? '/';
  const missing = path.join(home, CHROMIUM_STORE);
  const folders = (context.env.PATH ?? '').split(':');
  const hasChromium = CHROMIUM.some((name) => folders.some((folder) => existsSync(path.join(folder, name))));
  if (roots.length > 0 && hasChromium && !dryRun && isThere(path.join(missing, 'cert9.db')) === false) {
    mkdirSync(missing, { recursive: true, mode: 0o700 });
    const made = await certutil(missing, ['-N', '--empty-password']);
    if (!made.ok) outcome.left.push(`browser: Chromium has no store yet (${missing}): ${made.why}`);
  }
  for (const store of browserStores(home, (why) => outcome.left.push(`browser: ${why}`)))
    await settleStore(store, project, roots, outcome, dryRun);
  const person = context.env.SUDO_USER;
  if (person && person !== 'root' && process.getuid?.() === 0)
    outcome.left.push(`browser: those of ${person} are changed by ${person}, without sudo`);
  return outcome;
}

const said = (roots: readonly Root[], dryRun: boolean): string =>
  `${dryRun ? 'would ' : ''}${roots.length > 0 ? (dryRun ? 'trust it' : 'trusts it') : dryRun ? 'no longer trust it' : 'no longer trusts it'}`;

async function settleSystem(project: string, roots: readonly Root[], outcome: TrustOutcome, dryRun: boolean): Promise<void> {
  const known = SYSTEM.filter(({ folder }) => existsSync(folder));
  if (known.length === 0 && roots.length > 0) outcome.left.push('system: its store is not known here; add the root to it by hand');
  for (const { folder, update, from } of known) {
    const own = new RegExp(`^medianest-${project.replaceAll('.', '\\.')}(-[0-9A-F]{16})?\\.crt$`);
    const there = readdirSync(folder).filter((name) => own.test(name));
    const wanted = new Map(roots.map(({ pem, mark }) => [`medianest-${project}-${mark}.crt`, pem]));
    const added = [...wanted].filter(([name, pem]) => !there.includes(name) || readFileSync(path.join(folder, name), 'utf8') !== pem);
    const removed = there.filter((name) => !wanted.has(name));
    if (added.length + removed.length === 0) {
      if (roots.length > 0) outcome.done.push(`system: trusts it already (${folder})`);
      continue;
    }
    if (dryRun) {
      outcome.done.push(`system: ${said(roots, true)} (${folder})`);
      continue;
    }
    if (process.getuid?.() !== 0) {
      outcome.left.push(`system: only root may change ${folder}; run the same command with sudo`);
      continue;
    }
    for (const name of removed) rmSync(path.join(folder, name));
    for (const [name, pem] of added) writeFileSync(path.join(folder, name), pem, { mode: 0o644 });
    // What was removed is in the system's list until that is generated again.
    const fresh = removed.length > 0 && update === 'update-ca-certificates' ? ['--fresh'] : [];
    const told = await tell(update, fresh, from);
    if (told.ok) outcome.done.push(`system: ${said(roots, false)} (${folder})`);
    else {
      // Written and not taken up would count as done the next time.
      for (const [name] of added) rmSync(path.join(folder, name), { force: true });
      outcome.left.push(`system: ${told.why}`);
    }
  }
}

async function settleStore(store: string, project: string, roots: readonly Root[], outcome: TrustOutcome, dryRun: boolean): Promise<void> {
  const listed = await certutil(store, ['-L']);
  if (!listed.ok) {
    outcome.left.push(`browser: ${store} is not changed: ${listed.why}; or do it in the browser’s own settings`);
    return;
  }
  const nick = `MediaNest ${project}`;
  // `MediaNest home 0123456789ABCDEF      C,,`
  const there = listed.output
    .split('\n')
    .map((line) => line.replace(/\s+\S*,\S*,\S*\s*$/, ''))
    .filter((name) => name === nick || (name.startsWith(`${nick} `) && /^[0-9A-F]{16}$/.test(name.slice(nick.length + 1))));
  const added = roots.filter(({ mark }) => !there.includes(`${nick} ${mark}`));
  const removed = there.filter((name) => !roots.some(({ mark }) => name === `${nick} ${mark}`));
  if (added.length + removed.length === 0) {
    if (roots.length > 0) outcome.done.push(`browser: trusts it already (${store})`);
    return;
  }
  const results = dryRun
    ? []
    : [
        ...(await inTurn(removed, (name) => certutil(store, ['-D', '-n', name]))),
        ...(await inTurn(added, ({ pem, mark }) => certutil(store, ['-A', '-a', '-t', 'C,,', '-n', `${nick} ${mark}`], pem))),
      ];
  const failed = results.find((result) => !result.ok);
  if (failed && !failed.ok) outcome.left.push(`browser: ${store} is not changed: ${failed.why}; or do it in the browser’s own settings`);
  else outcome.done.push(`browser: ${said(roots, dryRun)} (${store})`);
}

/** One after the other: a database has one writer. */
async function inTurn<T, R>(values: readonly T[], run: (value: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const value of values) results.push(await run(value));
  return results;
}
