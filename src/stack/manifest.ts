import { sha256, shortHash } from '../core/hash.ts';
import type { Member } from './member.ts';
import type { Page, ProcessPlace, Rendered, RenderedFile, Role, Rolling, Stack } from './types.ts';

/** Version of the state folder's layout. */
export const STATE_VERSION = 1;

interface ManifestService {
  name: string;
  component: string;
  role?: Role;
  rolling?: Rolling;
  member?: Member;
  process?: ProcessPlace;
  page?: Page;
  /** Services that it stands on. Manifests before 0.5 do not say. */
  after?: string[];
}

/** What was rendered last: every file with its hash and its pristine text, so that an edit can be shown. */
export interface Manifest {
  version: number;
  id: string;
  profile: string;
  urls: string[];
  notes: string[];
  /** With those that the operator's override adds. */
  services: ManifestService[];
  /** Services that were left out because their image is missing. Manifests before 0.5 do not say. */
  leftOut?: readonly { service: string; image: string; without: string; keeps?: string }[];
  /** Volumes that the operator's override adds, as the engine calls them. Manifests before 0.5 do not say. */
  addedVolumes?: string[];
  configs: Record<string, string>;
  files: (RenderedFile & { sha256: string })[];
}

export function toManifest(rendered: Rendered, stack: Stack): Manifest {
  const files = rendered.files.map((file) => ({ ...file, sha256: sha256(file.contents) }));
  return {
    version: STATE_VERSION,
    id: shortHash(files.map((file) => [file.path, file.sha256, file.mode])),
    profile: stack.profile,
    urls: stack.urls,
    notes: stack.services.flatMap((service) => service.notes ?? []),
    services: [
      ...stack.services
        .filter((service) => !service.oneOff)
        .map(({ name, component, role, rolling, member, process, page, after }) => ({
          name,
          component,
          ...(role && { role }),
          ...(rolling && { rolling }),
          ...(member && { member }),
          ...(process && { process }),
          ...(page && { page }),
          ...(after.length > 0 && { after }),
        })),
      ...rendered.added.services.filter(({ count }) => count > 0).map(({ name }) => ({ name, component: name })),
    ],
    ...(stack.leftOut.length > 0 && { leftOut: stack.leftOut.map((entry) => ({ ...entry, image: entry.image.ref })) }),
    addedVolumes: rendered.added.volumes,
    configs: rendered.configs,
    files,
  };
}

/** Whether a value read from disk has what a comparison of renders reads. */
export const isManifest = (value: unknown): boolean => {
  const { files, configs } = (value ?? {}) as Partial<Manifest>;
  return Array.isArray(files) && typeof configs === 'object' && configs !== null;
};
