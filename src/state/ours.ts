import { readdirSync } from 'node:fs';
import type { StateFolder } from './state.ts';

/** Everything that medianest makes in a state folder: see README.md. */
export const OURS = [
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
    'kept-release.json',
    'leader-change.json',
    'volume-owners.json',
    'carry.json',
    'imports.json',
    'launch',
  ],
  ...['certs', 'ca', 'acme', 'metrics', 'tls-test', 'secrets', 'secrets.json', 'settings.schema.json', 'waf-rules', 'hold', 'audit'],
  ...[
    'backups.json',
    'backup-failures.json',
    'backup-sizes.json',
    'image-pins.json',
    'restoring.json',
    'restore.json',
    'kit.json',
    'audit.jsonl',
    'audit.head',
    'audit.open',
    'sealed.json',
    'audit-accepted',
    'audit.jsonl.lock',
    'lock',
    'lock.child',
  ],
  ...[
    'jobs',
    'autoscale',
    'alerts.json',
    'alerts.lock',
    'alerts.lock.child',
    'silences.json',
    'agent-actions.lock',
    'agent-actions.lock.child',
    'disk-healing.json',
    'firewall',
    'firewall.lock',
    'firewall.lock.child',
    'bastion-sessions.lock',
    'bastion-sessions.lock.child',
    'bans.lock',
    'bans.lock.child',
    'encryption.json',
    'encryption.key',
    'encryption-move.json',
  ],
  // By it the folder is known as ours, so it goes last.
  'state.json',
];

/** What stands in the folder and is not medianest's: it may be meant for others. */
export const othersIn = (state: StateFolder): string[] =>
  readdirSync(state.root)
    .filter((name) => !OURS.includes(name) && !OURS.some((own) => name.startsWith(`${own}.`) && name.endsWith('.tmp')))
    .sort();
