import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { checkCopy } from './check.ts';
import type { Copy, Places } from './copy.ts';
import { fetchCopy, OtherRepository } from './fetch.ts';
import { parseSettings, withSecrets } from './plan/settings.ts';
import { ProgramFailed, runner } from './programs.ts';
import { serve, status } from './service.ts';

/*
 * The repository elsewhere too: its own bytes, which are encrypted already, by rclone and restic.
 *   serve        sends WAL and sets to each copy, for ever
 *   status       how far each copy has got, a fact a line: `NAME FACT VALUE`
 *   check NAME   compares what it holds with what is here; a problem a line
 *   fetch NAME   brings all that it holds into the repository here, in a container that may write it
 * What a copy is to hold is in /srv/backups/copies/NAME (plan/copies.ts). Only what rclone has said was sent counts as sent, and
 * what a killed run has left half is told by its size, so each command can be repeated at any moment.
 */

const CONFIG = '/etc/medianest/current';
const SECRETS = '/run/secrets';
const RCLONE_CONFIG = '/run/rclone.conf';
const PLACES: Places = { here: '/srv/backups', facts: '/var/lib/copies', work: '/run/copies' };

const run = runner({
  LC_ALL: 'C',
  HOME: '/tmp',
  RCLONE_CONFIG,
  RCLONE_RETRIES: '1',
  RCLONE_LOW_LEVEL_RETRIES: '2',
  RCLONE_CONTIMEOUT: '10s',
  RCLONE_TIMEOUT: '60s',
  RESTIC_PASSWORD_FILE: `${SECRETS}/backup-files-key`,
  RESTIC_FROM_PASSWORD_FILE: `${SECRETS}/backup-files-key`,
});

const COMMANDS = ['serve', 'status', 'check', 'fetch'];

/** `fetch` found another repository here than the copy’s (engine/backup-fetch.ts). */
const OTHER = 4;

const say = (line: string): boolean => process.stderr.write(`${line}\n`);

/** Secrets come into rclone’s settings here, in memory. */
function writeRcloneConfig(): void {
  const text = readFileSync(path.join(CONFIG, 'rclone.conf'), 'utf8');
  writeFileSync(
    RCLONE_CONFIG,
    withSecrets(text, (name) => readFileSync(path.join(SECRETS, name), 'utf8')),
  );
}

async function main([command, wanted]: readonly string[]): Promise<number> {
  if (!COMMANDS.includes(command ?? '')) {
    say('usage: copies [alive | status | check NAME], fetch-copy NAME');
    return 2;
  }
  const { names, folders, periodSeconds } = parseSettings(readFileSync(path.join(CONFIG, 'copies.conf'), 'utf8'));
  const copyOf = (name: string): Copy => {
    if (!names.includes(name)) throw new Error(`there is no copy ${name}`);
    mkdirSync(path.join(PLACES.work, name), { recursive: true });
    return { name, folders, places: PLACES, run };
  };
  switch (command) {
    case 'serve':
      writeRcloneConfig();
      return serve(names.map(copyOf), periodSeconds, { now: () => new Date(), say });
    case 'status':
      for (const line of names.flatMap((name) => status(copyOf(name)))) process.stdout.write(`${line}\n`);
      return 0;
    case 'check': {
      const problems = await checkCopy(copyOf(wanted ?? ''));
      for (const problem of problems) process.stdout.write(`${problem}\n`);
      return problems.length > 0 ? 1 : 0;
    }
    default:
      writeRcloneConfig();
      await fetchCopy(copyOf(wanted ?? ''), say);
      return 0;
  }
}

process.umask(0o077);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(command === 'serve' ? 0 : 1));
const [command] = process.argv.slice(2);
main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    // What the program itself has said tells more than the one line that is noted of it.
    say(error instanceof ProgramFailed ? error.said : error.message);
    process.exitCode = error instanceof OtherRepository ? OTHER : 1;
  },
);
