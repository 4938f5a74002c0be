// @ts-check
import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, readdir, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** @typedef {ReturnType<typeof createUploadStore>} UploadStore */

const PARTIAL = '.partial-';
// An upload that sends nothing is ended after a minute: what is older than this is a killed one's.
const DEAD_MS = 3600 * 1000;
const LOOK_BYTES = 4 * 1024 ** 2;

/**
 * Files under generated ids in one flat folder, which several replicas may share.
 * @param {string} folder
 * @param {number} reserve bytes of its disk that uploads leave free
 */
export function createUploadStore(folder, reserve) {
  const probe = join(folder, `.probe-${randomUUID()}`);

  /**
   * The file has its final name only when all of it is on the disk.
   * @param {string} id
   * @param {import('node:stream').Readable} stream
   */
  async function receive(id, stream) {
    const partial = join(folder, PARTIAL + id);
    const hash = createHash('sha256');
    let size = 0;
    let looked = 0;
    try {
      await pipeline(
        stream,
        async function* measure(chunks) {
          for await (const chunk of chunks) {
            size += chunk.length;
            hash.update(chunk);
            // Others write to that disk as well, and several uploads at once.
            if (size - looked >= LOOK_BYTES) {
              looked = size;
              await keepReserve(0);
            }
            yield chunk;
          }
        },
        createWriteStream(partial, { flags: 'wx', mode: 0o640, flush: true }),
      );
      await rename(partial, join(folder, id));
      await syncFolder();
    } catch (error) {
      await rm(partial, { force: true }).catch(() => {});
      throw error;
    }
    return { id, size, sha256: hash.digest('hex') };
  }

  /** @param {number} bytes that are to come @throws an error of a full disk */
  async function keepReserve(bytes) {
    if ((await free()) - bytes < reserve) throw Object.assign(new Error('the disk has no more than its reserve'), { code: 'ENOSPC' });
  }

  async function free() {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  }

  // Without this a power cut could lose the new name, and with it the file.
  async function syncFolder() {
    const handle = await open(folder, 'r');
    await handle
      .sync()
      .catch(() => {})
      .finally(() => handle.close());
  }

  /**
   * Asking for permission is not enough: a stale network mount would pass. A full disk is reported, but it is every replica's:
   * taking them all out of service for it would also take away what still works.
   */
  async function check() {
    try {
      await writeFile(probe, 'ok');
    } catch (/** @type {any} */ error) {
      if (error.code !== 'ENOSPC' && error.code !== 'EDQUOT') throw error;
      return 'full: uploads are refused';
    } finally {
      await rm(probe, { force: true }).catch(() => {});
    }
    return (await free()) < reserve ? 'full: uploads are refused' : 'ok';
  }

  /** What a crashed replica left half done. Young files may be another replica's upload under way. */
  async function sweep() {
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((entry) => entry.startsWith(PARTIAL) || entry.startsWith('.probe-'))) {
      const path = join(folder, name);
      const info = await stat(path).catch(() => undefined);
      if (info && Date.now() - info.mtimeMs > DEAD_MS) await rm(path, { force: true }).catch(() => {});
    }
  }

  /** @param {string} id */
  const remove = (id) => rm(join(folder, id), { force: true });

  return { folder, receive, keepReserve, free, remove, check, sweep };
}
