import { type Copy, noteFact } from './copy.ts';
import { freeBytes } from './plan/explain.ts';
import { factTime } from './plan/status.ts';

/** Notes what a copy takes, and what is free there where the server tells. What cannot be measured keeps its value. */
export async function measure(copy: Copy, now: Date): Promise<void> {
  const { name, run } = copy;
  const size = await run('rclone', ['size', '--json', `${name}:`]);
  const bytes = size.status === 0 ? /"bytes": ?(\d+)/.exec(size.stdout)?.[1] : undefined;
  if (bytes === undefined) return;
  const about = await run('rclone', ['about', '--json', `${name}:`]);
  const free = about.status === 0 ? freeBytes(about.stdout) : undefined;
  noteFact(copy, 'bytes', bytes);
  noteFact(copy, 'free', free === undefined ? '' : String(free));
  noteFact(copy, 'measured', factTime(now));
}
