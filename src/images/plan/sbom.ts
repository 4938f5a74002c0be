import { sha256 } from '../../core/hash.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import type { ImageContents } from '../store/plan/image-contents.ts';

export interface SbomOf {
  name: string;
  ref: string;
  id: string;
  contents: ImageContents;
  /** Of medianest. */
  version: string;
  at: Date;
}

/** What an image is made of, as a CycloneDX 1.6 document. @throws Error naming a file of npm that cannot be understood */
export function imageSbom({ name, ref, id, contents, version, at }: SbomOf): JsonObject {
  const { system } = contents;
  const root = { type: 'container', 'bom-ref': ref, name, version: id, purl: `pkg:oci/${encoded(name)}@${encoded(id)}` };
  const os = system
    ? [{ type: 'operating-system', 'bom-ref': `${system.id}-${system.version}`, name: system.id, version: system.version }]
    : [];
  const distro = system ? `${system.id}-${system.version}` : 'debian';
  const debian = Object.entries(contents.packages).map(([entry, { version: has, architecture }]) => {
    const purl = `pkg:deb/${system?.id ?? 'debian'}/${encoded(entry)}@${encoded(has)}?arch=${architecture}&distro=${encoded(distro)}`;
    return { type: 'library', 'bom-ref': purl, name: entry, version: has, purl };
  });
  const components = unique([...os, ...debian, ...npmComponents(contents.npm)]);
  const body = { components, dependencies: [{ ref: root['bom-ref'], dependsOn: components.map((entry) => entry['bom-ref']) }] };
  const hash = sha256(JSON.stringify([root, body]));
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    // A UUID of version 8 (RFC 9562): the same contents have the same.
    serialNumber: `urn:uuid:${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-a${hash.slice(17, 20)}-${hash.slice(20, 32)}`,
    version: 1,
    metadata: {
      timestamp: at.toISOString(),
      lifecycles: [{ phase: 'post-build' }],
      tools: { components: [{ type: 'application', name: 'medianest', version }] },
      component: root,
    },
    ...body,
  } as unknown as JsonObject;
}

type Component = { 'bom-ref': string } & Record<string, unknown>;

/** A document names each component once. */
const unique = (components: readonly Component[]): Component[] => [
  ...new Map(components.map((component) => [component['bom-ref'], component] as const)).values(),
];

/** A package URL's parts; its specification leaves the colon of epochs and digests as it is. */
const encoded = (text: string): string => encodeURIComponent(text).replaceAll('%3A', ':');

function npmComponents(files: Readonly<Record<string, string>>): Component[] {
  const names = Object.keys(files);
  // What is installed counts, not what a lock file beside it would install.
  const outdone = (file: string) => {
    const folder = /^(.*\/)(?:package-lock|npm-shrinkwrap)\.json$/.exec(file)?.[1];
    return folder !== undefined && names.includes(`${folder}node_modules/.package-lock.json`);
  };
  return names.filter((file) => !outdone(file)).flatMap((file) => fromFile(file, files[file] as string));
}

function fromFile(file: string, text: string): Component[] {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw new Error(`${file} is not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${file} is no list of packages`);
  if (value.bomFormat === 'CycloneDX') return (value.components ?? []) as unknown as Component[];
  const packages = value.packages as Record<string, { version?: string; name?: string; integrity?: string; link?: boolean }> | undefined;
  // npm 6 and older; nothing that is still maintained writes it.
  if (!packages) throw new Error(`${file} has a form that npm 7 and newer do not write`);
  return Object.entries(packages).flatMap(([folder, { version, name: said, integrity, link }]) => {
    const at = folder.lastIndexOf('node_modules/');
    if (at < 0 || link || !version) return [];
    const name = said ?? folder.slice(at + 'node_modules/'.length);
    const purl = `pkg:npm/${encoded(name).replace('%2F', '/')}@${encoded(version)}`;
    const sha512 = /^sha512-([A-Za-z0-9+/=]{88})$/.exec(integrity ?? '')?.[1];
    const hashes = sha512 && [{ alg: 'SHA-512', content: Buffer.from(sha512, 'base64').toString('hex') }];
    return [{ type: 'library', 'bom-ref': purl, name, version, ...(hashes && { hashes }), purl }];
  });
}
