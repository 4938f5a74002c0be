/** A session of a user, as `users sessions` shows it. */
export interface Session {
  /** The first characters of its hashed id: enough to end it, and no use as a cookie. */
  id: string;
  /** When it began (ISO 8601, UTC). */
  since: string;
  /** The address that it began at. */
  address: string;
  /** Its network: an IPv4 address, or 64 bits of an IPv6 address; empty where the address is none. */
  network: string;
  /** What the browser called itself then; empty where it said nothing. */
  agent: string;
  /** It began with a second factor. */
  factor: boolean;
  /** The networks that it was used from, the latest first; none with `signOn.address: off`. */
  networks: { network: string; last: string }[];
}

// What could move the cursor or colour the terminal of who reads it.
const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');

/** A session's line in the table of `users sessions`; `last` is exact to some minutes. */
export function rowOf({ id, since, address, network: home, agent, factor, networks }: Session): string[] {
  const [latest] = networks;
  const others = networks.map(({ network }) => network).filter((network) => network !== home);
  return [id, since, address, latest?.last ?? '-', others.join(',') || '-', factor ? 'yes' : 'no', printable(agent) || '-'];
}

export const HEAD = ['SESSION', 'SINCE', 'BEGAN AT', 'LAST USED', 'ALSO FROM', 'FACTOR', 'AGENT'];
