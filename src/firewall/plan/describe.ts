import { plural } from '../../core/plural.ts';
import { formatSpan } from './addresses.ts';
import { type GovernedPort, isLoopback, type Policy } from './policy.ts';
import type { Verdict } from './verdict.ts';

const SHOWN = 6;

/** `firewall plan --json`: one entry for each published port. */
export const planView = (policy: Policy) => ({
  ports: policy.ports.map((port) => ({
    name: port.name,
    port: port.port,
    ...(port.protocol === 'udp' && { protocol: port.protocol }),
    addresses: port.addresses,
    from: port.addresses.every(isLoopback) ? ['this host'] : port.everyone ? ['everyone'] : [...port.sets],
  })),
  sets: Object.fromEntries(
    Object.entries(policy.sets).map(([name, spans]) => [name, { ranges: spans.length, first: spans.slice(0, SHOWN).map(formatSpan) }]),
  ),
  blocked: [...policy.block],
  networks: policy.networks.map(formatSpan),
  perAddressPerSecond: policy.perAddressPerSecond,
  totalPerSecond: policy.totalPerSecond,
  ...(policy.bans && { bans: { hostPorts: [...policy.bans.hostPorts] } }),
});

/** For people: who may reach what. */
export function describePlan(policy: Policy): string {
  const width = Math.max(...policy.ports.map(({ name }) => name.length), 0);
  const ports = policy.ports.map(
    (port) => `  ${String(port.port).padStart(5)}${port.protocol === 'udp' ? '/udp' : ''}  ${port.name.padEnd(width)}  ${whoText(port)}`,
  );
  const used = new Set(
    policy.ports.flatMap(({ everyone, sets }) => (everyone && policy.block.length > 0 ? ['lan', 'operators', ...sets] : sets)),
  );
  const sets = [...used, ...policy.block].map((name) => `  ${setName(name)}: ${setText(policy, name)}`);
  const limits = [
    ...(policy.perAddressPerSecond > 0 ? [`${policy.perAddressPerSecond} per second from one address`] : []),
    ...(policy.totalPerSecond > 0 ? [`${policy.totalPerSecond} per second from all but lan and operators`] : []),
  ];
  return [
    policy.ports.length > 0 ? 'Who may reach which published port:' : 'No port is published.',
    ...ports,
    ...(policy.block.length > 0 ? [`Blocked, but for lan and operators: ${policy.block.map(setName).join(', ')}`] : []),
    ...(policy.bans ? [bansText(policy.bans)] : []),
    ...(sets.length > 0 ? ['Where:', ...new Set(sets)] : []),
    `New connections: ${limits.join(', ') || 'no limit'}`,
    `Into ${policy.networks.map(formatSpan).join(', ') || 'the networks of the stack'}: from outside by these ports alone`,
  ].join('\n');
}

function bansText({ hostPorts }: NonNullable<Policy['bans']>): string {
  const own = hostPorts.length > 0 ? `, nor the host’s own ${hostPorts.join(', ')}` : '';
  return `Banned by CrowdSec: reaches none of them${own} (lan, operators and trusted proxies are never banned)`;
}

const whoText = (port: GovernedPort): string =>
  port.addresses.every(isLoopback) ? 'this host alone' : port.everyone ? 'everyone' : port.sets.map(setName).join(', ');

const setName = (name: string): string => name.replace(/^list_/, 'list ').replace(/^only_/, 'range ');

function setText({ sets }: Policy, name: string): string {
  const spans = sets[name] ?? [];
  if (spans.length === 0) return 'no address';
  const rest = spans.length - SHOWN;
  return `${spans.slice(0, SHOWN).map(formatSpan).join(', ')}${rest > 0 ? ` and ${plural(rest, 'more range')}` : ''}`;
}

const STATES: Record<Verdict['state'], string> = {
  off: 'no rules are loaded',
  trial: 'rules are being tried',
  active: 'the confirmed rules are loaded',
  changed: 'rules are loaded that were not confirmed',
  gone: 'the confirmed rules are not loaded',
  unknown: 'it cannot be told whether the rules are loaded',
};

/** For `firewall status` and the last line of `plan`. */
export function describeVerdict({ state, drift, trialSecondsLeft, confirmedAt }: Verdict, unread?: string): string {
  return [
    `Firewall: ${STATES[state]}${unread ? ` (${unread})` : ''}`,
    ...(confirmedAt ? [`  confirmed ${confirmedAt}`] : []),
    ...(state === 'trial' ? [`  ${trialSecondsLeft} s left: sudo medianest firewall confirm`] : []),
    ...drift.map((line) => `  ${line}`),
  ].join('\n');
}
