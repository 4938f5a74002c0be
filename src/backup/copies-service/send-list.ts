import { copyFileSync, readFileSync, renameSync } from 'node:fs';
import { type Copy, hereAt, isThere, workAt } from './copy.ts';
import { must } from './programs.ts';

/** Sends one of pgBackRest’s lists, where it is another than what was sent. @param below folder of the list in the generation */
export async function sendList(copy: Copy, folder: string, below: string, file: 'archive.info' | 'backup.info'): Promise<void> {
  const own = hereAt(copy, folder, below, file);
  if (!isThere(own)) return;
  const sent = workAt(copy, `${folder}.${file}`);
  if (isThere(sent) && readFileSync(own).equals(readFileSync(sent))) return;
  // It may change meanwhile, and the list and its copy are to be the same.
  const next = `${sent}.new`;
  copyFileSync(own, next);
  for (const suffix of ['', '.copy']) await must(copy.run, 'rclone', ['copyto', next, `${copy.name}:${folder}/${below}/${file}${suffix}`]);
  renameSync(next, sent);
}
