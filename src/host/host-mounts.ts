import { readFileSync } from 'node:fs';

/** One line of /proc/self/mountinfo (proc(5)). */
export interface MountPoint {
  /** `254:0`; the first number is 0 where it is no single block device. */
  device: string;
  point: string;
  type: string;
  source: string;
  options: string[];
}

/** Spaces and backslashes are written in octal there. */
const plainPath = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 8)));

export function parseMounts(text: string): MountPoint[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , device, , point, options] = before.split(' ');
    const [type, source = ''] = after.split(' ');
    if (!device || !point || !type) return [];
    return [{ device, point: plainPath(point), type, source: plainPath(source), options: (options ?? '').split(',') }];
  });
}

/** The file system that an absolute path is on: of the mount points above it the deepest, and of several there the last. */
export function mountOf(file: string, mounts: readonly MountPoint[]): MountPoint | undefined {
  const above = mounts.filter(({ point }) => point === '/' || file === point || file.startsWith(`${point}/`));
  return above.reduce<MountPoint | undefined>((best, mount) => (best && best.point.length > mount.point.length ? best : mount), undefined);
}

export function hostMounts(proc = '/proc'): MountPoint[] {
  try {
    return parseMounts(readFileSync(`${proc}/self/mountinfo`, 'utf8'));
  } catch {
    return [];
  }
}
