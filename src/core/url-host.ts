import { parseAddress } from './cidr.ts';

/** A port of a URL, also where it goes without saying. */
export const portOf = ({ port, protocol }: URL): number => Number(port) || (protocol === 'https:' ? 443 : 80);

/** Whether a URL's host means the machine, or the container, that asks. */
export const isLoopback = (host: string): boolean => /^(localhost|.*\.localhost|127(\.\d+){3}|0\.0\.0\.0|\[::1?\])$/.test(host);

/** Whether a URL's host is an address of either kind, and no name. */
export const isAddress = (host: string): boolean => host.startsWith('[') || parseAddress(host) !== undefined;

/** A name or address as a URL has it: IPv6 in brackets. */
export const asUrlHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** A URL with another host; all else stays as it was written. */
export const withHost = (url: string, host: string): string =>
  url.replace(/^([a-z][a-z\d+.-]*:\/\/(?:[^/?#]*@)?)(?:\[[^\]]*\]|[^/?#:]*)/i, (_all, before: string) => before + host);
