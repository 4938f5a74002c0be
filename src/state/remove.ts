import { readdirSync } from 'node:fs';
import { exists, removeTree } from '../core/files.ts';
import type { StateFolder } from './state.ts';

/** Everything that medianest makes in a state folder: see README.md. */
const OURS = [
  ...[
    'current',
    'generations',
    'config',
    'edited',
    'compose.override.yml',
    'subnets.json',
    'orders.json',
    'releases.json',
    'drained.json',
    'leader-change.json',
    'volume-owners.json',
  ],
  ...['certs', 'ca', 'acme', 'metrics', 'tls-test', 'secrets', 'secrets.json', 'settings.schema.json', 'waf-rules', 'hold'],
  ...['backups.json', 'backup-failures.json', 'restoring.json', 'restore.json', 'kit.json', 'audit.jsonl', 'lock', 'lock.child'],
  // By it the folder is known as ours, so it goes last.
  'state.json',
];

/**
 * Removes a state folder, and nothing that links in it lead to. What medianest did not make stays, and the folder with it.
 * @returns the names of what stays
 */
export function removeState(state: StateFolder): string[] {
  if (!exists(state.root)) return [];
  for (const name of OURS) removeTree(state.at(name));
  const others = readdirSync(state.root).sort();
  if (others.length === 0) removeTree(state.root);
  return others;
}
