import { lstatSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import path from 'node:path';
import { systemCode, UserError } from '../core/errors.ts';
import { writeAtomic } from '../core/files.ts';
import { sha256 } from '../core/hash.ts';
import { giveToOwner } from './audit.ts';
import { type Difference, describeDifference, differences, type Found, isSeal, type Seal, type Sealed, sealedAfter } from './plan/seal.ts';
import type { StateFolder } from './state.ts';

const FILE = 'sealed.json';

/**
 * What commands alone write, under the lock: secrets, keys, certificates, what decides what runs, and the links that lead to what is rendered.
 * The rendered files have hashes in the manifest (of them what is added counts), the audit log a chain, the rules of the firewall the kernel's. What the agent, jobs and
 * metrics write at any time is not among it.
 */
const SEALED: readonly { name: string; fits?: RegExp }[] = [
  ...['secrets.json', 'subnets.json', 'orders.json', 'releases.json', 'kept-release.json', 'image-pins.json', 'state.json'].map((name) => ({
    name,
  })),
  ...['secrets', 'ca', 'waf-rules', 'current', 'current/manifest.json', 'encryption.json', 'encryption.key'].map((name) => ({ name })),
  { name: 'certs', fits: /\/(current|[^/]+\.pem)$/ },
  { name: 'config', fits: /^config\/[^/]+\/(current|[^/]+\/.+)$/ },
];

/** A write that is in progress, or that a killed command has left. */
const isTemporary = (name: string): boolean => name.endsWith('.tmp') || name.startsWith('.staging.');

/** @throws Error where something else than rights or absence is in the way */
function lookAt(state: StateFolder): Found {
  const files: Record<string, Sealed> = {};
  const closed: string[] = [];
  const unread: Record<string, string> = {};
  const visit = (name: string, fits: RegExp | undefined): void => {
    const file = state.at(name);
    try {
      const stats = lstatSync(file, { bigint: true });
      const uid = Number(stats.uid);
      const mode = Number(stats.mode) & 0o7777;
      if (stats.isDirectory()) {
        for (const entry of readdirSync(file).filter((each) => !isTemporary(each))) visit(path.posix.join(name, entry), fits);
      } else if (!fits || fits.test(name)) {
        // The mode of a link means nothing.
        if (stats.isSymbolicLink()) files[name] = { link: readlinkSync(file), mode: 0o777, uid };
        else {
          const content = readable(file);
          if (content.sha256 === undefined) unread[name] = `${stats.ino} ${stats.size} ${stats.ctimeNs}`;
          files[name] = { ...content, mode, uid };
        }
      }
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EACCES' || code === 'EPERM') closed.push(name);
      else if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    }
  };
  for (const { name, fits } of SEALED) visit(name, fits);
  return { files, closed, unread };
}

/** Copies for containers are theirs: who runs this without root may see that they are there, and no more. */
function readable(file: string): { sha256?: string } {
  try {
    return lstatSync(file).isFile() ? { sha256: sha256(readFileSync(file)) } : {};
  } catch (error) {
    if (systemCode(error) === 'EACCES' || systemCode(error) === 'EPERM') return {};
    throw error;
  }
}

const readSeal = (state: StateFolder): Seal | undefined =>
  state.readJson<Seal>(FILE, 'the next command seals the files as they are', isSeal);

interface Broken {
  seal: Pick<Seal, 'at' | 'command'>;
  count: number;
  found: Difference[];
}

/** The state folder beside its seal; undefined where nothing is sealed yet. @throws UserError STATE_DAMAGED. @throws Error where it cannot be told */
export function compareSeal(state: StateFolder): Broken | undefined {
  const seal = readSeal(state);
  return seal && { seal, count: Object.keys(seal.files).length, found: differences(seal.files, lookAt(state)) };
}

export interface Sealing {
  /** What another program has changed since the last command, as people read it. */
  readonly foreign: readonly string[];
  /** Seals what the command leaves. @throws UserError, Error where that cannot be read or written */
  end(command: string, at: Date): void;
}

/**
 * Looks at the files as a command finds them, under the lock.
 * @param killed the command before was killed: what it has written is not known, so nothing of it is foreign
 * @param accepts it takes what was changed as it is
 */
export function beginSeal(state: StateFolder, { killed, accepts }: { killed: boolean; accepts: boolean }): Sealing {
  const seal = readSeal(state);
  const before = killed ? undefined : seal?.files;
  const begun = lookAt(state);
  return {
    foreign: before ? differences(before, begun).map(describeDifference) : [],
    end: (command, at) => {
      const files = sealedAfter(before, begun, lookAt(state), accepts);
      if (JSON.stringify(files) === JSON.stringify(seal?.files)) return;
      // Nothing was made here yet.
      if (!seal && Object.keys(files).every((name) => name === 'state.json')) return;
      try {
        writeAtomic(
          state.at(FILE),
          `${JSON.stringify({ at: at.toISOString(), command: `medianest ${command}`, files } satisfies Seal)}\n`,
          0o600,
        );
        giveToOwner(state.at(FILE));
      } catch (error) {
        // On a full disk. The old seal would take what this command has written for another program's.
        rmSync(state.at(FILE), { force: true });
        throw error;
      }
    },
  };
}

/** Whether a fault of the seal may be told and passed over: the command it is about has its own result. */
export const isSealFault = (error: unknown): error is Error => error instanceof UserError || systemCode(error) !== undefined;
