import type Docker from 'dockerode';
import { COMPOSE_PROJECT, LABEL } from '../stack/labels.ts';
import { COMPOSE_FOLDER } from './labelled.ts';
import type { NewOwner } from './types.ts';

/** By them the container is one of the project to Compose, and to us. */
export const labelsOf = ({ project, stateFolder }: Pick<NewOwner, 'project' | 'stateFolder'>): Record<string, string> => ({
  [LABEL.project]: project,
  [COMPOSE_PROJECT]: project,
  [COMPOSE_FOLDER]: stateFolder,
  'com.docker.compose.service': 'new-volumes',
  'com.docker.compose.container-number': '1',
  'com.docker.compose.oneoff': 'False',
  // Compose takes no container for its own without one.
  'com.docker.compose.config-hash': 'none',
});

/**
 * Gives new volumes to a user: by an archive that the engine unpacks into a container which never runs, in a third of the time that
 * one takes which does. To Compose it is a container of the project: what a killed run has left is removed by the next `up` or `down`.
 * @throws Error where a folder has another owner all the same: some file systems take a change of owner, and do not make it
 */
export async function giveNewVolumes(
  docker: Docker,
  names: readonly string[],
  { uid, gid, image, project, stateFolder }: NewOwner,
): Promise<void> {
  const folders = names.map((_, index) => tarFolder(String(index), uid, gid));
  const container = await docker.createContainer({
    Image: image,
    Cmd: ['true'],
    Labels: labelsOf({ project, stateFolder }),
    HostConfig: {
      NetworkMode: 'none',
      Mounts: names.map((name, index) => ({ Type: 'volume', Source: name, Target: `/volumes/${index}` })),
    },
  });
  try {
    await container.putArchive(Buffer.concat([...folders, Buffer.alloc(2 * BLOCK)]), { path: '/volumes' });
    const kept = ownersIn(await bytesOf(await container.getArchive({ path: '/volumes' })));
    const other = names.filter((_, index) => kept.get(`volumes/${index}/`) !== `${uid}:${gid}`);
    if (other.length > 0) throw new Error(`${other.join(', ')} did not take ${uid}:${gid} as owner`);
  } finally {
    await container.remove({ force: true, v: true });
  }
}

async function bytesOf(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Owners of all that is in an archive, by name. */
export function ownersIn(archive: Buffer): Map<string, string> {
  const owners = new Map<string, string>();
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const text = (from: number, length: number) => archive.toString('latin1', at + from, at + from + length).replace(/\0.*$/s, '');
    const [uid, gid, size] = [text(108, 8), text(116, 8), text(124, 12)].map((octal) => Number.parseInt(octal, 8) || 0);
    owners.set(text(0, 100), `${uid}:${gid}`);
    at += BLOCK * (1 + Math.ceil((size as number) / BLOCK));
  }
  return owners;
}

const BLOCK = 512;
/** Seven octal digits. */
const LARGEST_ID = 0o7777777;

/**
 * A folder's entry of an archive (POSIX.1-1988, ustar): octal numbers, and a sum over the header in which the sum itself is blanks.
 * @throws RangeError for an id that has no place in it
 */
export function tarFolder(name: string, uid: number, gid: number): Buffer {
  if (Math.max(uid, gid) > LARGEST_ID) throw new RangeError(`${uid}:${gid} does not fit into an archive`);
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, '0')}\0`;
  const fields = [
    `${name}/`.padEnd(100, '\0'),
    octal(0o755, 8),
    octal(uid, 8),
    octal(gid, 8),
    octal(0, 12),
    octal(0, 12),
    ' '.repeat(8),
    '5',
  ];
  header.write(fields.join(''), 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}
