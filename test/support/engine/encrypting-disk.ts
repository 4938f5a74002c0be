import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { run } from '../cli.ts';

export interface EncryptingDisk {
  /** Where it is mounted. */
  path: string;
  /** Whether these bytes are anywhere on the disk itself, below its file system. */
  holds(marker: string): Promise<boolean>;
  /** Unmounts it, as a reboot does: the kernel forgets its keys. */
  unmount(): Promise<void>;
  mount(): Promise<void>;
  remove(): Promise<void>;
}

const must = async (command: string, args: string[]) => {
  const { status, stderr } = await run(command, args);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
};

/** A disk in a file, whose file system can encrypt folders unless `feature` is empty. */
export async function encryptingDisk(mebibytes: number, feature = ['-O', 'encrypt']): Promise<EncryptingDisk> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-encrypting-'));
  const image = `${folder}.img`;
  const mount = () => must('mount', ['-o', 'loop', image, folder]);
  await must('truncate', ['--size', `${mebibytes}M`, image]);
  await must('mkfs.ext4', ['-q', '-m', '0', ...feature, image]);
  await mount();
  return {
    path: folder,
    mount,
    unmount: () => must('umount', [folder]),
    holds: async (marker) => {
      await must('sync', ['--file-system', folder]);
      return within(image, Buffer.from(marker));
    },
    remove: async () => {
      await run('umount', ['--lazy', folder]);
      rmSync(folder, { recursive: true, force: true });
      rmSync(image, { force: true });
    },
  };
}

async function within(file: string, marker: Buffer): Promise<boolean> {
  let rest = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: 4 * 1024 ** 2 })) {
    const bytes = Buffer.concat([rest, chunk as Buffer]);
    if (bytes.includes(marker)) return true;
    rest = bytes.subarray(-marker.length);
  }
  return false;
}
