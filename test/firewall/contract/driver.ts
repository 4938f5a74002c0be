import { expect } from 'vitest';
import { ADDRESSES, type FirewallWorld, firewallWorld } from '../../support/network/firewall-world.ts';

export interface Status {
  state: string;
  drift: string[];
  trialSecondsLeft: number;
}
interface Planned {
  ports: { port: number; from: string[] }[];
}

const settings = (firewall: string) => `profile: dev-compose
edge: { address: every }
networks: { dmz: { subnet: ${ADDRESSES.subnet} } }
firewall: { enabled: true, ${firewall} }
`;
export const OPEN = settings('ports: { edge.httpsPort: everyone }');
export const CLOSED = settings('allow: [192.0.2.1]');
export { settings as firewallSettings };

/** The commands of the firewall, on the host of a world of network namespaces. */
export async function drive(project: string) {
  const world: FirewallWorld = await firewallWorld(project);
  const firewall = (...args: string[]) => world.medianest(['firewall', ...args]);
  const json = async <T>(...args: string[]) => JSON.parse((await firewall(...args, '--json')).stdout) as T;
  const done = async (...args: string[]) => {
    const ended = await firewall(...args);
    expect(ended, ended.stderr).toMatchObject({ status: 0 });
  };
  const fromInternet = (from = 8000, to = 8500) => world.scan('internet', ADDRESSES.internet.host, from, to);
  return {
    ...world,
    firewall,
    done,
    fromInternet,
    table: `medianest_${project}`,
    status: () => json<Status>('status'),
    nft: async (...args: string[]) => {
      const ended = await world.in('host', ['nft', ...args]);
      expect(ended, ended.stderr).toMatchObject({ status: 0 });
      return ended.stdout;
    },
    /** What `plan` says that these may reach. */
    named: async (...groups: string[]) =>
      (await json<Planned>('plan')).ports
        .filter(({ from }) => from.some((group) => groups.includes(group)))
        .map(({ port }) => port)
        .sort((a, b) => a - b),
    /** Loads and confirms rules. */
    keep: async (text: string) => {
      world.settings(text);
      // Rules that were confirmed before are loaded without a trial.
      if ((await json<Status>('apply')).state === 'trial') await done('confirm');
    },
    /** Waits until a stranger finds these ports and no others. */
    opens: (ports: number[]) => expect.poll(() => fromInternet(), { timeout: 25_000, interval: 200 }).toEqual(ports),
  };
}

export type Driver = Awaited<ReturnType<typeof drive>>;
