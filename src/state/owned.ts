import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../core/errors.ts';
import { writing } from '../core/files.ts';
import type { DockerCli, RunResult } from '../docker/compose.ts';
import { bindArgs } from '../docker/mount-args.ts';

const STAGING = '.staging.';

/**
 * Writes files that only one uid may read (mode 0400), as containers need their secrets and keys. Root changes the
 * owner itself; anybody else (a user in the docker group, a rootless engine) has a short container do it, without
 * network. They are complete and owned before they get their final names, and each is switched by a rename.
 */
export async function writeOwned(
  folder: string,
  files: Readonly<Record<string, string>>,
  owner: { uid: number; image: string },
  cli: DockerCli,
): Promise<void> {
  const staging = path.join(folder, `${STAGING}${process.pid}`);
  try {
    writing(folder, () => {
      mkdirSync(folder, { recursive: true, mode: 0o755 });
      // The container's uid looks into it, whatever the umask; many programs list /run/secrets.
      chmodSync(folder, 0o755);
      // Also what a killed run has left: the lock is ours, so none is in use.
      for (const name of readdirSync(folder).filter((entry) => entry.startsWith(STAGING))) {
        rmSync(path.join(folder, name), { recursive: true, force: true });
      }
      mkdirSync(staging, { mode: 0o700 });
      for (const [name, contents] of Object.entries(files)) writeFileSync(path.join(staging, name), contents, { mode: 0o400, flush: true });
    });
    await changeOwner(staging, Object.keys(files), owner, cli);
    writing(folder, () => {
      for (const name of Object.keys(files)) renameSync(path.join(staging, name), path.join(folder, name));
    });
  } finally {
    if (existsSync(staging)) rmSync(staging, { recursive: true, force: true });
  }
}

async function changeOwner(
  staging: string,
  names: readonly string[],
  owner: { uid: number; image: string },
  cli: DockerCli,
): Promise<void> {
  const wanted = `${owner.uid}:${owner.uid}`;
  if (process.getuid?.() === 0) {
    for (const name of names) chownSync(path.join(staging, name), owner.uid, owner.uid);
    return;
  }
  const targets = names.map((name) => `/staging/${name}`);
  const { exitCode, tail } = await asRoot(
    ['chown', '--', wanted, ...targets],
    { mount: bindArgs(staging, '/staging'), image: owner.image },
    cli,
  );
  if (exitCode !== 0) {
    throw new UserError(
      'STATE_UNWRITABLE',
      `the owner of ${staging} could not be set to ${wanted}: ${tail.at(-1) ?? 'no answer'}`,
      'run medianest as root, or check that the engine may mount the state folder',
    );
  }
}

/** Runs one program as a container's root that may change owners and modes, and nothing else, in what is mounted (`mount-args.ts`). */
export function asRoot(
  argv: readonly string[],
  { mount, image }: { mount: readonly string[]; image: string },
  cli: DockerCli,
): Promise<RunResult> {
  const [program = '', ...args] = argv;
  return cli.run([
    ...['run', '--rm', '--network', 'none', '--user', '0:0', '--pull', 'never', '--entrypoint', program],
    ...['--cap-drop', 'ALL', ...['CHOWN', 'FOWNER', 'DAC_OVERRIDE'].flatMap((name) => ['--cap-add', name])],
    ...[...mount, image, ...args],
  ]);
}
