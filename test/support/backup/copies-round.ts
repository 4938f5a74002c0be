import { round } from '../../../src/backup/copies-service/service.ts';
import { type CopiesRemote, copiesRemote } from './copies-remote.ts';

export const WAL = 'pgbackrest/archive/medianest';
export const SETS = 'pgbackrest/backup/medianest';
export const FULL = '20260101-000000F';
export const segment = (number: string): string => `${WAL}/17-1/0000000100000000/0000000100000000000000${number}-${'ab'.repeat(20)}.zst`;
export const NOW = '2026-11-25T12:00:00Z';

/** A repository with two segments of WAL, and an empty place for its copy. */
export function copiesRound() {
  const world: CopiesRemote = copiesRemote();
  const log: string[] = [];
  const discoverHost = { now: () => new Date(NOW), say: (line: string) => log.push(line) };
  world.put(world.here('repository.id'), 'own\n');
  for (const number of ['08', '09']) world.put(world.here(segment(number)), `wal ${number}`);
  for (const list of [`${WAL}/archive.info`, `${SETS}/backup.info`]) world.put(world.here(list), 'list');
  return {
    world,
    log,
    send: (kind: 'wal' | 'sets') => round(world.copy, kind, discoverHost),
    sent: () => Object.keys(world.files(world.there())),
    want: (oldest: string, labels: string[], sets: string[]) => {
      const lines = [
        `oldest 0000000100000000000000${oldest}`,
        ...labels.map((l) => `label pgbackrest/${l}`),
        ...sets.map((id) => `set ${id}`),
      ];
      world.put(world.here('copies/sftp'), [...lines, ''].join('\n'));
    },
    putLabel: (label: string, at = world.here) => {
      for (const file of ['backup.manifest', 'backup.manifest.copy', 'pg_data/1.zst']) world.put(at(SETS, label, file), `${label} ${file}`);
    },
    /** The calls that name this, in their order. */
    order: (...texts: string[]) => texts.map((text) => world.calls.findIndex((call) => call.includes(text))),
  };
}

export const ascending = (numbers: number[]): boolean =>
  numbers.every((number, index) => number >= 0 && number > (numbers[index - 1] ?? -1));
