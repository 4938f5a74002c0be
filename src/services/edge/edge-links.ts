import { asUrlHost, isLoopback } from '../../core/url-host.ts';
import type { BuildInput } from '../../stack/service.ts';
import { TOOL_PAGES } from '../sign-on/settings/access.ts';
import { edge, portalUrl } from './edge.ts';
import type { EdgeSettings } from './settings/edge-settings.ts';
import { showsPages } from './settings/tool-pages.ts';

/** The first of the portal's names that leads other devices here, too; undefined if all are this host's own for itself. */
export const nameOutside = ({ domains }: Pick<EdgeSettings, 'domains'>): string | undefined =>
  domains.find((name) => !isLoopback(asUrlHost(name)));

/** What links begin with that are read on any device, with a / at its end. */
export const linkUrl = (own: EdgeSettings): string => portalUrl(own, nameOutside(own) ?? (own.domains[0] as string));

/** Where the edge shows the page of a program of monitoring, without a / at the end; undefined where it shows none. */
export function pageAt(name: string, input: BuildInput): { path: string; url: string } | undefined {
  if (!showsPages(input)) return undefined;
  const path = `${TOOL_PAGES}${name}`;
  return { path, url: `${linkUrl(input.settingsOf(edge)).slice(0, -1)}${path}` };
}
