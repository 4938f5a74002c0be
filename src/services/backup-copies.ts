import type { SecretSpec } from '../stack/types.ts';
import type { CopySettings } from './backup-settings.ts';

export type CopyName = 'offsite' | 'vault';

/** How restic reaches a copy: its address, and which secret goes into which of its variables or files. */
export interface CopyAccess {
  /** As restic writes it: `s3:https://s3.example.org/bucket/prefix`. */
  location: string;
  environment: Record<string, string>;
  /** Variable -> secret whose text it is given inside the container. */
  secrets: Record<string, string>;
  /** A folder of the host that the location is in. */
  folder?: string;
}

/** Where a copy that is a folder is mounted. */
const COPY_FOLDER = '/srv/copy';

export const copySecrets = (name: CopyName, { accessKey, secretKey }: CopySettings): SecretSpec[] => [
  ...(accessKey ? [{ name: `${name}-access-key`, source: { given: accessKey } }] : []),
  ...(secretKey ? [{ name: `${name}-secret-key`, source: { given: secretKey } }] : []),
];

/** @returns undefined where there is no such copy */
export function copyAccess(name: CopyName, copy: CopySettings): CopyAccess | undefined {
  const [access, key] = [`${name}-access-key`, `${name}-secret-key`];
  const prefix = (copy.path ?? 'medianest').replace(/^\/+/, '');
  switch (copy.kind) {
    case 'none':
      return undefined;
    case 'folder':
      return { location: COPY_FOLDER, environment: {}, secrets: {}, folder: copy.path as string };
    case 'sftp':
      return {
        location: `sftp://${copy.user}@${copy.host?.includes(':') ? `[${copy.host}]` : copy.host}:${copy.port}/${copy.path}`,
        environment: { SSH_KNOWN_HOSTS: copy.knownHosts as string, SSH_KEY: key },
        secrets: {},
      };
    case 's3':
      return {
        location: `s3:${(copy.endpoint ?? 'https://s3.amazonaws.com').replace(/\/+$/, '')}/${copy.bucket}/${prefix}`,
        environment: copy.region ? { AWS_DEFAULT_REGION: copy.region } : {},
        secrets: { AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: key },
      };
    case 'azure':
      return {
        location: `azure:${copy.bucket}:/${prefix}`,
        environment: {},
        secrets: { AZURE_ACCOUNT_NAME: access, AZURE_ACCOUNT_KEY: key },
      };
    case 'gcs':
      return {
        location: `gs:${copy.bucket}:/${prefix}`,
        environment: { GOOGLE_APPLICATION_CREDENTIALS: `/run/secrets/${key}` },
        secrets: {},
      };
    case 'rest':
      return {
        location: `rest:${(copy.endpoint as string).replace(/\/+$/, '')}/${copy.path ? `${prefix.replace(/\/+$/, '')}/` : ''}`,
        environment: copy.secretKey ? { RESTIC_REST_USERNAME: copy.user } : {},
        secrets: copy.secretKey ? { RESTIC_REST_PASSWORD: key } : {},
      };
  }
}
