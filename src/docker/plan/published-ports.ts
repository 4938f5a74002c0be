import type { ObservedContainer } from '../types.ts';

/** A port as the engine lists it. */
interface Listed {
  IP?: string;
  PrivatePort: number;
  PublicPort?: number;
  Type: string;
}

/** Of a container's ports those that the host has too. */
export const publishedPorts = (ports: readonly Listed[]): ObservedContainer['ports'] =>
  ports.flatMap(({ IP, PrivatePort, PublicPort, Type }) =>
    PublicPort ? [{ address: IP ?? '', host: PublicPort, container: PrivatePort, ...(Type === 'udp' && { udp: true as const }) }] : [],
  );
