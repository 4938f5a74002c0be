import type { BuildInput, ServiceDefinition } from '../../../stack/service.ts';
import type { Blueprint } from '../../../stack/types.ts';
import { type FullComponent, isFull, PUBLISHED } from '../../shared/full.ts';
import { MONITORING_HOSTS } from '../../shared/monitoring.ts';

/** What the definitions of all four have in common. */
export const fullPart: Pick<ServiceDefinition, 'askedFor'> = { askedFor: isFull };

type Special = Omit<Blueprint, 'name' | 'image' | 'host' | 'ports' | 'networks' | 'urls' | 'environment'> &
  Partial<Pick<Blueprint, 'networks' | 'environment'>>;

/** What all four have in common: they are pulled, publish no port, and the stack works without them. */
export const published = (name: FullComponent, special: Special, input: BuildInput): Blueprint => ({
  name,
  image: input.pulled(name, PUBLISHED[name]),
  host: MONITORING_HOSTS[name],
  networks: ['monitoring'],
  ports: [],
  urls: [],
  environment: {},
  ...special,
});
