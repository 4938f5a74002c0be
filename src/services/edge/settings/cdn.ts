import * as z from 'zod';
import { hostName, size } from '../../../settings/fields.ts';
import { defineService } from '../../../stack/service.ts';
import { regexText } from './edge-text.ts';
import { plainPath } from './plain-path.ts';

const TYPES = 'css js mjs svg png jpg jpeg gif webp avif ico woff woff2 ttf otf wasm webmanifest'.split(' ');

const settings = z.strictObject({
  host: hostName.optional().describe('A name of its own for static files, beside those of the portal'),
  paths: z
    .array(
      z.union(
        [plainPath.min(2), z.string().regex(/^\*\.[A-Za-z0-9]+$/)],
        'should be the start of a path such as /assets/ (not / itself: pages need cookies and the WAF), or an ending such as *.css',
      ),
    )
    .min(1)
    .default(TYPES.map((type) => `*.${type}`))
    .describe(
      'What is static: starts of paths and endings. These files are asked for without cookies; the WAF looks at what the cache does not have',
    ),
  except: z.array(plainPath).default(['/api/']).describe('Starts of paths that are never taken for static files'),
  size: size('1g', '16m').describe('Maximum size of the cache on disk'),
  maxAgeSeconds: z
    .int()
    .min(0)
    .max(31_536_000)
    .default(300)
    .describe('How long a file is kept whose lifetime the application does not tell'),
});

export type CdnSettings = z.output<typeof settings>;

/** A part of the edge: it has no container of its own, only settings and a switch. */
export const cdn = defineService({
  name: 'cdn',
  key: 'cdn',
  summary: 'cache of the edge for static files: compressed once, served from disk',
  settings,
  build: () => [],
});

/**
 * Which addresses are static. Only those with harmless characters: any other address goes to the
 * application through the WAF, uncached.
 */
export function staticPattern(own: Pick<CdnSettings, 'paths' | 'except'>): string {
  const endings = own.paths.filter((entry) => entry.startsWith('*.')).map((entry) => entry.slice(2));
  const starts = own.paths.filter((entry) => entry.startsWith('/'));
  const either = [
    ...starts.map((start) => `${regexText(start)}.+`),
    ...(endings.length > 0 ? [`/(?:.*/)?[^/]+\\.(?:${endings.join('|')})`] : []),
  ];
  const never = own.except.length > 0 ? `(?!${own.except.map(regexText).join('|')})` : '';
  // `$` would let a line break stand behind it.
  const end = '(?![\\w\\W])';
  return `^${never}(?=[\\w./~@+-]+${end})(?:${either.join('|')})${end}`;
}
