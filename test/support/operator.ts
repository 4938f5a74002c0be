import { chownSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { PROGRAM, type Run, run } from './cli.ts';
import type { Workspace } from './workspace.ts';

/** A user of this host in the docker group, who is not root and has a workspace. */
export interface Operator {
  uid: number;
  run(args: readonly string[], env?: Record<string, string>): Promise<Run>;
  remove(): Promise<void>;
}

/** @throws Error where the tests are not run as root */
export async function operator(user: string, space: Workspace): Promise<Operator> {
  await run('userdel', [user]);
  const added = await run('useradd', ['--no-create-home', '--shell', '/usr/sbin/nologin', user]);
  if (added.status !== 0) throw new Error(added.stderr);
  const uid = Number((await run('id', ['-u', user])).stdout);
  mkdirSync(path.join(space.dir, 'home'));
  for (const name of ['', 'home', 'medianest.yml']) chownSync(path.join(space.dir, name), uid, uid);
  const identity = [`--reuid=${uid}`, `--regid=${uid}`, `--groups=${statSync('/var/run/docker.sock').gid}`];
  return {
    uid,
    run: (args, env) =>
      run('setpriv', [...identity, process.execPath, PROGRAM, ...args], {
        cwd: space.dir,
        env: { HOME: path.join(space.dir, 'home'), USER: user, ...env },
      }),
    remove: async () => void (await run('userdel', [user])),
  };
}
