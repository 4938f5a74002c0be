import type { Service } from '../../stack/types.ts';
import { bytes } from './finding.ts';

/** Of the machine's memory, what services may hold that do nothing: the rest is for those that work, and for the host. */
const MOST = 0.6;

type Sized = Pick<Service, 'component'> & Partial<Pick<Service, 'restingBytes'>>;

/** Services that hold most of their memory all the time, and would leave too little of this machine's for the others; and what helps. */
export function restTooLarge(services: readonly Sized[], available: number): { message: string; remedy: string } | undefined {
  const holding = services.filter(({ restingBytes }) => restingBytes !== undefined);
  const sum = holding.reduce((total, { restingBytes = 0 }) => total + restingBytes, 0);
  if (sum <= available * MOST) return undefined;
  const names = [...new Set(holding.map(({ component }) => component))];
  return {
    message: `${names.join(' and ')} hold about ${bytes(sum)} all the time, and this machine has ${bytes(available)}`,
    remedy: `\`observability: light\`, \`components: { ${names.map((name) => `${name}: false`).join(', ')} }\`, or a smaller \`elasticsearch.heap\``,
  };
}
