import { rmSync } from 'node:fs';
import { writeAtomic } from '../core/files.ts';
import type { Rolling } from '../stack/member.ts';
import type { Overrides } from '../stack/overrides.ts';
import type { StateFolder } from './state.ts';

/** The release before, whose replicas still run beside those that serve: a rollback switches to them. On disk: `kept-release.json`. */
export interface Kept {
  release: string;
  replicas: { service: string; rolling: Rolling }[];
  /** The overrides that it served by. */
  overrides: Overrides;
  since: string;
  /** From then on it counts as given up. */
  until?: string;
}

const FILE = 'kept-release.json';

const isKept = (value: unknown): boolean => {
  const kept = value as Partial<Kept> | null;
  return (
    typeof kept?.release === 'string' && Array.isArray(kept.replicas) && kept.replicas.every(({ service }) => typeof service === 'string')
  );
};

/** @returns undefined where none is kept, or not any more */
export function keptRelease(state: StateFolder, now: Date): Kept | undefined {
  const kept = state.readJson<Kept>(FILE, 'the release before cannot be switched to; `medianest rollback` deploys it', isKept);
  return kept?.until !== undefined && Date.parse(kept.until) <= now.getTime() ? undefined : kept;
}

export const noteKept = (state: StateFolder, kept: Kept): void => writeAtomic(state.at(FILE), `${JSON.stringify(kept, null, 1)}\n`, 0o600);

/** Its replicas are removed, or about to be: the next run takes them for what is no longer part of the stack. */
export const endKept = (state: StateFolder): void => rmSync(state.at(FILE), { force: true });
