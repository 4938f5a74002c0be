import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { exists, readOptional, writeAtomic, writing } from '../../core/files.ts';
import { shortHash } from '../../core/hash.ts';
import type { Secret } from '../../core/secret.ts';
import type { DockerCli } from '../../docker/compose.ts';
import type { Service } from '../../stack/types.ts';
import { writeOwned } from '../../state/owned.ts';
import { readSecretsFile } from '../../state/secrets-file.ts';
import type { StateFolder } from '../../state/state.ts';
import type { ResolvedSecrets, StoredSecrets } from '../plan/secrets.ts';

/** `secrets.json` (mode 0600) keeps the values; `secrets/<service>/` contains each service's own copies. */
export const loadSecrets = (state: StateFolder): StoredSecrets | undefined => readSecretsFile(state);

export function saveSecrets(state: StateFolder, store: StoredSecrets): void {
  writeAtomic(state.at('secrets.json'), `${JSON.stringify(store, null, 1)}\n`, 0o600);
}

const placedFile = (state: StateFolder, service: string) => state.at('secrets', `${service}.placed`);

type Reader = Pick<Service, 'name' | 'uid' | 'secrets' | 'reloadsSecrets'> & { image: { ref: string } };

/** What tells which secrets a service has: its uid and their fingerprints. */
export const placement = (service: Pick<Service, 'uid' | 'secrets'>, fingerprints: Readonly<Record<string, string>>): string =>
  shortHash([service.uid, service.secrets.map(({ name }) => [name, fingerprints[name] ?? ''])]);

/** The services whose own copies are missing or old. */
export function unplacedServices(
  state: StateFolder,
  services: readonly Service[],
  fingerprints: Readonly<Record<string, string>>,
): string[] {
  return services
    .filter((service) => service.secrets.length > 0)
    .filter((service) => {
      const placed = placedSecrets(state, service.name);
      return (
        placed !== placement(service, fingerprints) || service.secrets.some(({ name }) => !exists(state.at('secrets', service.name, name)))
      );
    })
    .map((service) => service.name);
}

/** The placement of what a service has been given last. */
export const placedSecrets = (state: StateFolder, service: string): string | undefined => readOptional(placedFile(state, service))?.trim();

/** @param image one that has `chown`; the service's own where it is not said */
export async function placeSecrets(
  state: StateFolder,
  service: Reader,
  values: Readonly<Record<string, Secret>>,
  fingerprints: Readonly<Record<string, string>>,
  cli: DockerCli,
  image = service.image.ref,
): Promise<void> {
  const files = Object.fromEntries(service.secrets.map(({ name }) => [name, values[name]?.reveal() ?? '']));
  const folder = state.at('secrets', service.name);
  await writeOwned(folder, files, { uid: service.uid, image }, cli);
  // What reads its secrets again learns by the absence of one that it is no longer given it. Others need theirs until they are replaced.
  if (service.reloadsSecrets) removeOthers(folder, Object.keys(files));
  writeAtomic(placedFile(state, service.name), `${placement(service, fingerprints)}\n`);
}

function removeOthers(folder: string, names: readonly string[]): void {
  const others = readdirSync(folder).filter((name) => !name.startsWith('.') && !names.includes(name));
  for (const name of others) writing(folder, () => rmSync(path.join(folder, name)));
}

/** For steps that hand out no secret. */
export const emptySecrets: ResolvedSecrets = { values: {}, fingerprints: {}, store: { fingerprintKey: '', values: {} }, changed: [] };
