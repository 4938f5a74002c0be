import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type Copy, factAt, hereAt, ownIdentity, workAt } from './copy.ts';
import { listRemote } from './listings.ts';
import { IDENTITY, ownership } from './plan/ownership.ts';
import { must } from './programs.ts';

/** Makes sure that the place holds a copy of this repository, or becomes one. @throws Error where it does not: nothing is touched */
export async function claim(copy: Copy): Promise<void> {
  const { name, run } = copy;
  const remote = `${name}:${IDENTITY}`;
  const names = (await listRemote(run, [`${name}:`])).split('\n').filter(Boolean);
  const identity = names.includes(IDENTITY) ? (await must(run, 'rclone', ['cat', remote])).stdout.trim() : '';
  const found = ownership(ownIdentity(copy), names, identity);
  if (found.as === 'refused') throw new Error(found.why);
  if (found.as === 'ours') return;
  rmSync(factAt(copy, 'done'), { force: true });
  rmSync(workAt(copy, 'there'), { force: true });
  const work = path.dirname(workAt(copy, 'there'));
  for (const file of readdirSync(work)) if (file.endsWith('.info')) rmSync(path.join(work, file));
  await must(run, 'rclone', ['copyto', hereAt(copy, IDENTITY), remote]);
}
