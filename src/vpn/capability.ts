import type { Capability } from '../capability/capability.ts';
import { commands } from './commands/vpn.ts';

/** The VPN’s peers, and whether the tunnel knows them. */
export const vpn: Capability = {
  name: 'vpn',
  commands,
  groups: {
    vpn: {
      section: 'Security',
      summary: 'Peers of the VPN (components: { vpn: true }): who may reach the stack through it',
    },
  },
  up: {
    gather: async ({ loaded }) => {
      const { settings } = loaded;
      if (settings.components.vpn !== true) return { facts: {}, steps: [] };
      const { exists } = await import('../core/files.ts');
      return { facts: { noTunDevice: process.platform === 'linux' && !exists('/dev/net/tun') }, steps: [] };
    },
  },
  checks: async ({ context, project, containers }) => {
    const { isOn, readServer, viewedPeers } = await import('./peers.ts');
    if (!isOn(project) || containers.length === 0) return [];
    const { vpnChecks } = await import('./plan/describe.ts');
    const server = await readServer(await context.engine(), containers);
    return vpnChecks(await viewedPeers(project, server, context.clock.now()), server);
  },
  notes: async ({ context, project, containers }) => {
    const { isOn, readServer, viewedPeers } = await import('./peers.ts');
    if (!isOn(project) || containers.length === 0) return [];
    const { vpnChecks } = await import('./plan/describe.ts');
    const server = await readServer(await context.engine(), containers);
    return vpnChecks(await viewedPeers(project, server, context.clock.now()), server).map(({ message }) => message);
  },
};
