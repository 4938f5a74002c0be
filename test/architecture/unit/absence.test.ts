import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { HOME } from '../../support/cli.ts';
import { sources } from './imports.ts';

/**
 * Node's `existsSync` says false also of what it may not look at, and then another user's files count as missing. Where that
 * decides what is written, replaced or removed, `exists` and `statOptional` of core/files.ts stand. It may stand here:
 */
const HARMLESS: Record<string, string> = {
  'certificates/authority/trust-stores.ts': 'which programs are in PATH, and which stores the system has',
  'cli/saved-names.ts': 'what completion offers',
  'firewall/boot.ts': 'whether systemd runs, and where nft is',
  'host/host-facts.ts': 'which firewall doctor names',
  'host/host-storage.ts': 'the nearest folder that can be seen, for facts about its file system',
  'schedule/timers.ts': 'whether systemd runs: refused where it does not',
  'state/owned.ts': 'whether there is anything of this very run to clear away',
};

it('existsSync decides nothing that is written, replaced or removed', () => {
  const users = sources().filter((file) => /^import .*\bexistsSync\b/m.test(readFileSync(path.join(HOME, 'src', file), 'utf8')));
  expect(users.sort()).toEqual(Object.keys(HARMLESS));
});
