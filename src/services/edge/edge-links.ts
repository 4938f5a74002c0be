import { asUrlHost, isLoopback } from '../../core/url-host.ts';
import { portalUrl } from './edge.ts';
import type { EdgeSettings } from './settings/edge-settings.ts';

/** The first of the portal's names that leads other devices here, too; undefined if all are this host's own for itself. */
export const nameOutside = ({ domains }: Pick<EdgeSettings, 'domains'>): string | undefined =>
  domains.find((name) => !isLoopback(asUrlHost(name)));

/** What links begin with that are read on any device, with a / at its end. */
export const linkUrl = (own: EdgeSettings): string => portalUrl(own, nameOutside(own) ?? (own.domains[0] as string));
