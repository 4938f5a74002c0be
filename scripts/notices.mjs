// The licence notices and the SBOM of what esbuild bundles, both from esbuild's own metafile: they name the packages that are
// in a bundle, and no others.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { licenceTextFallbacks } from './licence-fallbacks.mjs';

export const NOTICES = 'THIRD-PARTY-NOTICES.txt';
export const SBOM = 'sbom.cdx.json';
/** Files at the top of a package that its licence asks to be passed on. */
const LEGAL_FILE = /^(licen[cs]e|copying|notice|third-?party)([-._].*)?$/i;
const RULE = '='.repeat(80);

const byName = (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** Folder of the package that a file of the metafile belongs to, such as `node_modules/a/node_modules/@b/c`; none for our own. */
const packageFolder = (file) => /^(.*\bnode_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];

/**
 * The packages in some bundles, by name and version.
 * @param home the folder that the metafiles' paths start from
 * @param bundles name of a bundle -> its metafile
 * @throws Error where a package has no licence or no text of it
 */
export function bundledPackages(home, bundles) {
  const integrity = JSON.parse(readFileSync(path.join(home, 'package-lock.json'), 'utf8')).packages;
  const packages = new Map();
  for (const [bundle, metafile] of Object.entries(bundles)) {
    for (const [file, { bytesInOutput }] of Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs))) {
      const folder = packageFolder(file);
      // A file that was dropped as unused is named too, with no bytes.
      if (!folder || bytesInOutput === 0) continue;
      const { name, version, license, author } = JSON.parse(readFileSync(path.join(home, folder, 'package.json'), 'utf8'));
      const id = `${name}@${version}`;
      const known = packages.get(id);
      if (known) {
        known.bundles.add(bundle);
        continue;
      }
      if (typeof license !== 'string') throw new Error(`${id} is bundled, but its package.json names no licence`);
      packages.set(id, {
        id,
        name,
        version,
        licence: license,
        author: typeof author === 'object' ? author.name : author?.replace(/ *[<(].*/, ''),
        text: licenceText(path.join(home, folder), id),
        sha512: sha512(integrity[folder]?.integrity, id),
        bundles: new Set([bundle]),
      });
    }
  }
  return [...packages.values()].sort(byName);
}

/** The checksum of the package's archive, in hex as CycloneDX has it. */
function sha512(integrity, id) {
  const [, base64] = /^sha512-(\S+)$/.exec(integrity ?? '') ?? [];
  if (!base64) throw new Error(`${id} is bundled, but package-lock.json has no SHA-512 of it`);
  return Buffer.from(base64, 'base64').toString('hex');
}

export function licenceText(folder, id, fallbacks = licenceTextFallbacks) {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile() && LEGAL_FILE.test(entry.name));
  const texts = files
    .map(({ name }) => name)
    .sort()
    .map((name) => tidy(readFileSync(path.join(folder, name), 'utf8')));
  // A NOTICE alone is not the licence.
  if (files.some(({ name }) => /^(licen[cs]e|copying)/i.test(name))) return texts.join('\n\n');
  const fallback = fallbacks[id];
  if (!fallback) throw new Error(`${id} is bundled, but brings no licence text: add one to scripts/licence-fallbacks.mjs, with the reason`);
  return [tidy(fallback.text(folder)), ...texts].join('\n\n');
}

const tidy = (text) =>
  text
    .replace(/^\uFEFF/, '')
    .replaceAll('\r\n', '\n')
    .replaceAll(/[ \t]+$/gm, '')
    .replaceAll(/^\n+|\n+$/g, '');

/**
 * @param comments what esbuild collected of legal comments in the code (its LEGAL.txt), which may say more than the licence files
 */
export function noticesText(title, packages, comments) {
  // The same text stands there once, however its lines are broken.
  const texts = new Map();
  for (const entry of packages) {
    const words = entry.text.replaceAll(/\s+/g, ' ');
    texts.set(words, [...(texts.get(words) ?? []), entry]);
  }
  // Texts of one licence follow each other, because gzip finds what it has seen within 32 kB alone: a third of the packed file.
  const sections = [...texts.values()]
    .sort(([{ licence: a }], [{ licence: b }]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(
      (entries) =>
        `${RULE}\n${entries.map(({ name, version, licence }) => `${name} ${version} (${licence})`).join('\n')}\n\n${entries[0].text}\n`,
    );
  const collected = comments.map(tidy).filter(Boolean);
  return [
    `${title}: ${packages.length} packages that are bundled into it, with their licences.\n`,
    ...sections,
    ...(collected.length > 0
      ? [`${RULE}\nLegal comments in the files of these packages\n\n${[...new Set(collected)].join('\n\n')}\n`]
      : []),
  ].join('\n');
}

const purl = ({ name, version }) => `pkg:npm/${name.replace('@', '%40')}@${version}`;
const licences = ({ licence }) => [/[ (]/.test(licence) ? { expression: licence } : { license: { id: licence } }];

/** A CycloneDX 1.6 document. The same packages give the same bytes: it holds no time and no random number. */
export function sbomText(component, packages) {
  const root = { type: 'application', 'bom-ref': component.name, ...component };
  const components = packages.map((entry) => ({
    type: 'library',
    'bom-ref': purl(entry),
    ...(entry.author && { author: entry.author }),
    name: entry.name,
    version: entry.version,
    hashes: [{ alg: 'SHA-512', content: entry.sha512 }],
    licenses: licences(entry),
    purl: purl(entry),
    properties: [...entry.bundles].sort().map((bundle) => ({ name: 'medianest:bundle', value: bundle })),
  }));
  const body = {
    metadata: { lifecycles: [{ phase: 'build' }], component: root },
    components,
    dependencies: [{ ref: root['bom-ref'], dependsOn: components.map((entry) => entry['bom-ref']) }],
  };
  const hash = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  // A UUID of version 8 (RFC 9562: its bits are the maker's own choice).
  const uuid = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-a${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
  const document = { bomFormat: 'CycloneDX', specVersion: '1.6', serialNumber: `urn:uuid:${uuid}`, version: 1, ...body };
  return `${JSON.stringify(document, null, 1)}\n`;
}
