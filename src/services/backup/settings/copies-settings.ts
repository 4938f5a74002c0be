import * as z from 'zod';
import type { JsonObject } from '../../../core/json.ts';
import { hostName, port, secret } from '../../../settings/fields.ts';
import type { SecretSpec } from '../../../stack/types.ts';
import { keepSettings } from './keep-settings.ts';

/** These become lines of rclone's settings, so nothing that would begin another line, or another word of a path. */
const folder = (example: string) =>
  z.string().regex(/^[\w./-]+$/, `should be a path of letters, digits, dots, hyphens and underscores, such as ${example}`);
const word = (example: string) =>
  z.string().regex(/^[\w.@-]+$/, `should be letters, digits, dots, hyphens and underscores, such as ${example}`);
const bucket = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/, 'should be a bucket’s name: 3 to 63 lower-case letters, digits, dots and hyphens');
const endpoint = z
  .url({ protocol: /^https?$/, error: 'should be an address such as https://s3.example.org' })
  .regex(/^[\w.:/-]+$/, 'should be an address such as https://s3.example.org');
const prefix = folder('medianest').default('medianest').describe('Folder in it');

/** A copy is made where its first key is given; then the others are needed too. */
const needs = (first: string, others: readonly string[]) => (value: Record<string, unknown>, context: z.RefinementCtx) => {
  if (value[first] === undefined) return;
  for (const key of others)
    if (value[key] === undefined)
      context.addIssue({ code: 'custom', path: [key], message: `is needed with \`${first}\``, input: undefined });
};

/** By its kind, so that each key can come from the environment, and keys are secrets: one copy of each kind. */
export const copiesSettings = z
  .strictObject({
    sftp: z
      .strictObject({
        host: hostName.optional().describe('Name or address of the server; with it there is a copy there'),
        port: port(22).describe('Its port'),
        user: word('backup').default('medianest').describe('Whom it knows us as'),
        path: folder('/srv/medianest').default('medianest').describe('Folder there, absolute, or relative to where the user begins'),
        hostKeys: z
          .array(z.string().regex(/^[\w@.-]+ [A-Za-z0-9+/]+=*$/, 'should be a key such as `ssh-ed25519 AAAA…`, without the host’s name'))
          .min(1, 'should name a key: a server that is not known is never trusted')
          .optional()
          .describe('All that `ssh-keyscan HOST` prints, without the name, after you have compared them with the server’s own'),
        key: secret().describe('Private key, without a passphrase'),
        keep: keepSettings,
      })
      .superRefine(needs('host', ['hostKeys', 'key']))
      .prefault({})
      .describe('On another machine, by SFTP'),
    s3: z
      .strictObject({
        bucket: bucket.optional().describe('The bucket, which exists; with it there is a copy there'),
        endpoint: endpoint.optional().describe('Address of the storage'),
        region: word('eu-central-1').default('us-east-1').describe('Region of the bucket'),
        prefix,
        accessKey: secret().describe('Access key'),
        secretKey: secret().describe('Secret key'),
        keep: keepSettings,
      })
      .superRefine(needs('bucket', ['endpoint', 'accessKey', 'secretKey']))
      .prefault({})
      .describe('In S3 or what speaks like it'),
    azure: z
      .strictObject({
        container: bucket.optional().describe('The container, which exists; with it there is a copy there'),
        prefix,
        sasUrl: secret().describe('Address of the container with a shared access signature that may read, add, write, delete and list'),
        keep: keepSettings,
      })
      .superRefine(needs('container', ['sasUrl']))
      .prefault({})
      .describe('In Azure Blob Storage'),
    gcs: z
      .strictObject({
        bucket: bucket.optional().describe('The bucket, which exists; with it there is a copy there'),
        prefix,
        serviceAccount: secret().describe('Key of the service account, the JSON that Google gives'),
        keep: keepSettings,
      })
      .superRefine(needs('bucket', ['serviceAccount']))
      .prefault({})
      .describe('In Google Cloud Storage'),
  })
  .prefault({});

export type CopiesSettings = z.output<typeof copiesSettings>;

export const COPY_KINDS = ['sftp', 's3', 'azure', 'gcs'] as const;
export type CopyName = (typeof COPY_KINDS)[number];

export const copyNames = ({ sftp, s3, azure, gcs }: CopiesSettings): CopyName[] => {
  const where = { sftp: sftp.host, s3: s3.bucket, azure: azure.container, gcs: gcs.bucket };
  return COPY_KINDS.filter((kind) => where[kind] !== undefined);
};

/** What each authenticates by, as files that the container reads. */
export function copySecrets(copies: CopiesSettings): SecretSpec[] {
  const { sftp, s3, azure, gcs } = copies;
  const keys = {
    sftp: { 'sftp-key': sftp.key },
    s3: { 's3-access-key': s3.accessKey, 's3-secret-key': s3.secretKey },
    azure: { 'azure-sas-url': azure.sasUrl },
    gcs: { 'gcs-service-account': gcs.serviceAccount },
  };
  return copyNames(copies).flatMap((kind) =>
    Object.entries(keys[kind]).flatMap(([name, value]) => (value ? [{ name: `copy-${name}`, source: { given: value } }] : [])),
  );
}

/** What rclone is told about each, without secrets. */
export function copyView(copies: CopiesSettings): JsonObject {
  const { sftp, s3, azure, gcs } = copies;
  const host = String(sftp.host);
  const views: Record<CopyName, JsonObject> = {
    sftp: { host, port: sftp.port, user: sftp.user, root: sftp.path },
    s3: { endpoint: String(s3.endpoint), region: s3.region, root: `${s3.bucket}/${s3.prefix}` },
    azure: { root: `${azure.container}/${azure.prefix}` },
    gcs: { root: `${gcs.bucket}/${gcs.prefix}` },
  };
  const names = copyNames(copies);
  return Object.fromEntries(COPY_KINDS.map((kind) => [kind, names.includes(kind) ? views[kind] : null]));
}

/** The server's keys, as OpenSSH writes them. */
export function knownHosts({ sftp: { host, port, hostKeys } }: CopiesSettings): string[] {
  return host === undefined ? [] : (hostKeys ?? []).map((key) => `${port === 22 ? host : `[${host}]:${port}`} ${key}`);
}
