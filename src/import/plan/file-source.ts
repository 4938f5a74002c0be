import path from 'node:path';
import { UserError } from '../../core/errors.ts';

/** Where files are imported from. */
export type FileSource =
  | { kind: 'folder'; path: string }
  | { kind: 'volume'; volume: string }
  /** A folder in a volume of a container, running or not. */
  | { kind: 'container'; container: string; path: string };

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** @param text as it was typed @throws UserError USAGE */
export function fileSource(text: string): FileSource {
  const [kind, name = '', ...rest] = text.split(':');
  if (kind === 'volume') {
    if (NAME.test(name) && rest.length === 0) return { kind, volume: name };
    throw new UserError('USAGE', `${text}: should be volume:NAME`, '`docker volume ls` lists the names');
  }
  if (kind === 'container') {
    const folder = rest.join(':');
    if (NAME.test(name) && folder.startsWith('/'))
      return { kind, container: name, path: path.posix.normalize(folder).replace(/(.)\/$/, '$1') };
    throw new UserError('USAGE', `${text}: should be container:NAME:/PATH`, '`docker ps --all` lists the names');
  }
  return { kind: 'folder', path: text };
}

/** A mount of a container, as the engine tells it. */
export interface EngineMount {
  Type: string;
  Name?: string;
  Source: string;
  Destination: string;
}

/** Where a path of a container is on this host; undefined where it is in the container’s own layer. */
export function mountOf(mounts: readonly EngineMount[], folder: string): { source: FileSource; within: string } | undefined {
  const holding = mounts
    .filter(({ Destination: at }) => folder === at || folder.startsWith(at === '/' ? at : `${at}/`))
    .sort((a, b) => b.Destination.length - a.Destination.length)[0];
  if (!holding) return undefined;
  const within = path.posix.relative(holding.Destination, folder);
  if (holding.Type === 'volume' && holding.Name) return { source: { kind: 'volume', volume: holding.Name }, within };
  return holding.Type === 'bind' ? { source: { kind: 'folder', path: holding.Source }, within } : undefined;
}
