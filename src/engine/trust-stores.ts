import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Context } from '../context.ts';
import { runProgram } from './compose.ts';

export interface TrustOutcome {
  /** What was done, and what is left to do by hand. */
  done: string[];
  left: string[];
}

/** Where Linux distributions keep roots of one's own, and what takes them up. */
const SYSTEM = [
  { folder: '/usr/local/share/ca-certificates', update: ['update-ca-certificates'] },
  { folder: '/etc/pki/ca-trust/source/anchors', update: ['update-ca-trust'] },
  { folder: '/etc/ca-certificates/trust-source/anchors', update: ['trust', 'extract-compat'] },
];

const nick = (project: string): string => `MediaNest ${project}`;

/** NSS databases of Chromium and Firefox, also where they came as a snap or a flatpak. */
function browserStores(home: string): string[] {
  const profiles = ['.mozilla/firefox', 'snap/firefox/common/.mozilla/firefox', '.var/app/org.mozilla.firefox/.mozilla/firefox'].flatMap(
    (folder) => {
      const root = path.join(home, folder);
      return existsSync(root) ? readdirSync(root).map((name) => path.join(root, name)) : [];
    },
  );
  return [...['.pki/nssdb', 'snap/chromium/current/.pki/nssdb'].map((folder) => path.join(home, folder)), ...profiles].filter((folder) =>
    existsSync(path.join(folder, 'cert9.db')),
  );
}

const succeeds = async (program: string, args: readonly string[]): Promise<boolean> => {
  try {
    return (await runProgram(program, args)).exitCode === 0;
  } catch {
    return false;
  }
};

/** Makes the system and the browsers of whoever calls trust the root. */
export async function trustRoot(context: Context, project: string, root: string): Promise<TrustOutcome> {
  const outcome: TrustOutcome = { done: [], left: [] };
  const system = SYSTEM.find(({ folder }) => existsSync(folder));
  const file = system && path.join(system.folder, `medianest-${project}.crt`);
  const [program = '', ...args] = system?.update ?? [];
  const privileged = process.getuid?.() === 0;
  if (!system || !file) outcome.left.push(`system: its store is not known here; add ${root} to it by hand`);
  else if (!privileged) outcome.left.push(`system: sudo install -m 644 ${root} ${file} && sudo ${system.update.join(' ')}`);
  else {
    copyFileSync(root, file);
    if (await succeeds(program, args)) outcome.done.push(`system: trusts it (${file})`);
    else outcome.left.push(`system: ${system.update.join(' ')} failed; run it by hand`);
  }
  for (const store of browserStores(context.env.HOME ?? '/')) {
    const added = await succeeds('certutil', ['-A', '-d', `sql:${store}`, '-t', 'C,,', '-n', nick(project), '-i', root]);
    if (added) outcome.done.push(`browser: trusts it (${store})`);
    else outcome.left.push(`browser: certutil could not change ${store}; install libnss3-tools, or import ${root} in its settings`);
  }
  return outcome;
}

/** Takes back what `trustRoot` did. */
export async function untrustRoot(context: Context, project: string, root: string): Promise<TrustOutcome> {
  const outcome: TrustOutcome = { done: [], left: [] };
  for (const { folder, update } of SYSTEM) {
    const file = path.join(folder, `medianest-${project}.crt`);
    if (!existsSync(file)) continue;
    const [program = '', ...args] = update;
    if (process.getuid?.() !== 0) outcome.left.push(`system: sudo rm ${file} && sudo ${update.join(' ')}`);
    else {
      rmSync(file);
      if (await succeeds(program, [...args, ...(program === 'update-ca-certificates' ? ['--fresh'] : [])]))
        outcome.done.push(`system: no longer trusts it (${file})`);
      else outcome.left.push(`system: ${update.join(' ')} failed; run it by hand`);
    }
  }
  for (const store of browserStores(context.env.HOME ?? '/')) {
    if (!(await succeeds('certutil', ['-L', '-d', `sql:${store}`, '-n', nick(project)]))) continue;
    if (await succeeds('certutil', ['-D', '-d', `sql:${store}`, '-n', nick(project)]))
      outcome.done.push(`browser: no longer trusts it (${store})`);
    else outcome.left.push(`browser: certutil could not change ${store}; remove ${root} in its settings`);
  }
  return outcome;
}
