import * as z from 'zod';
import { shortHash } from '../../core/hash.ts';
import { hostName, secret } from '../../settings/fields.ts';
import type { Mount, SecretSpec } from '../../stack/types.ts';
import { nfsOptions, nfsOptionsProblem } from './nfs-options.ts';

export const MEDIA_TARGET = '/srv/media';

/** What each kind cannot do without. */
const NEEDS = {
  volume: [],
  bind: ['path'],
  nfs: ['server', 'export'],
  object: ['endpoint', 'bucket', 'accessKey', 'secretKey'],
} as const;

/** One flat table and not a union of four, so that each key can also come from the environment, and the keys are secrets. */
export const mediaSettings = z
  .strictObject({
    kind: z
      .enum(['volume', 'bind', 'nfs', 'object'])
      .default('volume')
      .describe('`volume` (made by Docker), `bind` (a folder of this host), `nfs`, or `object` (S3-compatible storage, handed to the app)'),
    path: z.string().min(1).optional().describe('bind: the folder, absolute or relative to medianest.yml; it must exist'),
    server: hostName.optional().describe('nfs: name or address of the server'),
    export: z
      .string()
      .regex(/^\/[^\0\r\n]*$/, 'should be the path that the server exports, such as /export/media')
      .optional()
      .describe('nfs: what the server exports'),
    options: z
      .string()
      .default('')
      .superRefine((value, context) => {
        const problem = nfsOptionsProblem(value);
        if (problem) context.addIssue({ code: 'custom', message: problem, input: value });
      })
      .describe('nfs: mount options as in /etc/fstab, over the defaults (nfsvers=4.2, and soft or hard as `readOnly` asks)'),
    readOnly: z.boolean().optional().describe('Mounted read-only; by default a bind folder and NFS are, a volume is not'),
    endpoint: z
      .url({ protocol: /^https?$/, error: 'should be an address such as https://s3.example.org' })
      .optional()
      .describe('object: address of the storage'),
    bucket: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'should be a bucket’s name: 3 to 63 lower-case letters, digits, dots and hyphens')
      .optional()
      .describe('object: name of the bucket'),
    region: z.string().min(1).default('us-east-1').describe('object: region of the bucket; most storage outside AWS takes any'),
    accessKey: secret().describe('object: access key'),
    secretKey: secret().describe('object: secret key'),
    prefix: z.string().default('').describe('object: only what is below this, such as films/'),
  })
  .superRefine((media, context) => {
    for (const key of NEEDS[media.kind]) {
      if (media[key] !== undefined) continue;
      context.addIssue({ code: 'custom', path: [key], message: `is needed with \`kind: ${media.kind}\``, input: undefined });
    }
    if (media.kind === 'nfs' && media.readOnly !== undefined && /(^|,)r[ow](,|$)/.test(media.options)) {
      context.addIssue({ code: 'custom', path: ['options'], message: 'say `readOnly`, or ro or rw here, not both', input: media.options });
    }
  });

export type MediaSettings = z.output<typeof mediaSettings>;

/** What the application is given of it: a mount, or the address and keys of an object storage. */
export function mediaContract(media: MediaSettings): { mounts: Mount[]; environment: Record<string, string>; secrets: SecretSpec[] } {
  if (media.kind === 'object') return objectStorage(media);
  return { mounts: [mediaMount(media)], environment: { MEDIA_PATH: MEDIA_TARGET }, secrets: [] };
}

function mediaMount(media: MediaSettings): Mount {
  const { kind, path, server, export: exported } = media;
  if (kind === 'bind' && path) return { kind: 'bind', source: path, target: MEDIA_TARGET, readOnly: media.readOnly ?? true };
  if (kind === 'nfs' && server && exported) {
    const { text, port, readOnly } = nfsOptions(media.options, media.readOnly ?? true);
    const nfs = { server, port, export: exported, options: text };
    // Docker keeps the options that a volume was made with, whatever is asked later: another definition is another volume.
    return { kind: 'volume', source: `media-nfs-${shortHash(nfs)}`, target: MEDIA_TARGET, readOnly, nfs };
  }
  return { kind: 'volume', source: 'media', target: MEDIA_TARGET, readOnly: media.readOnly ?? false };
}

function objectStorage(media: MediaSettings) {
  const { endpoint, bucket, accessKey, secretKey } = media;
  return {
    mounts: [],
    environment: {
      S3_ENDPOINT: String(endpoint),
      S3_BUCKET: String(bucket),
      S3_REGION: media.region,
      S3_ACCESS_KEY_FILE: '/run/secrets/s3-access-key',
      S3_SECRET_KEY_FILE: '/run/secrets/s3-secret-key',
      ...(media.prefix && { S3_PREFIX: media.prefix }),
    },
    secrets: [
      ...(accessKey ? [{ name: 's3-access-key', source: { given: accessKey } }] : []),
      ...(secretKey ? [{ name: 's3-secret-key', source: { given: secretKey } }] : []),
    ],
  };
}
