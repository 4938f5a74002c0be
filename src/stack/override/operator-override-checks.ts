import { hostAddress } from '../../core/cidr.ts';
import { UserError } from '../../core/errors.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { nearest } from '../../core/suggest.ts';
import type { Stack } from '../types.ts';

/** The operator's own file, in the state folder and, as it was at the last `up`, beside the rendered Compose file. */
export const OVERRIDE_FILE = 'compose.override.yml';

export type OverriddenStack = Pick<Stack, 'project' | 'services' | 'networks' | 'volumes'>;

/** What Compose takes for a name of a service or volume. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/;

/** @throws UserError COMPOSE_REFUSED where a section of the override cannot stand beside the services of this stack */
export function checkService(name: string, definition: Json | undefined, stack: OverriddenStack): void {
  const label = `the service ${shown(name)}`;
  const ours = stack.services.find((service) => service.name === name);
  if (definition !== null && !isObject(definition))
    throw refusal(`${label} is no mapping`, 'write `name:` and below it, indented, what it is');
  const keys = definition ?? {};
  checkLabels(label, keys);
  const makes = keys.image !== undefined || keys.build !== undefined;
  if (ours) {
    if (!makes) return;
    throw refusal(
      `${label} has an image, and medianest has a service of that name`,
      'give your service another name; images of medianest’s own services are set in medianest.yml (`app.image`, `images`)',
    );
  }
  checkName(label, name);
  const taken = stack.services.find(({ component, name: known }) => component === name || family(known) === family(name));
  if (taken)
    throw refusal(
      `${label} has a name that belongs to ${taken.name} of medianest: commands could not tell them apart, and more members would take it`,
      'give it another name',
    );
  if (!makes && keys.extends === undefined && keys.provider === undefined) {
    const near = nearest(name, [...stack.services.map((service) => service.name)]);
    throw refusal(
      `${label} has neither an image nor a build, and medianest has no service of that name`,
      near
        ? `did you mean \`${near}\`? An own service needs \`image:\``
        : 'an own service needs `image:`; a section for a service that is switched off has to go',
    );
  }
  const container = keys.container_name;
  if (typeof container === 'string' && stack.services.some((service) => container === `${stack.project}-${service.name}-1`))
    throw refusal(`${label} has the container name ${shown(container)}, which is one of medianest’s`, 'leave `container_name` out');
  checkPlaces(label, keys, stack);
}

/** Ports of the host and fixed addresses that services of ours have: one of both would fail to start, when the other runs already. */
function checkPlaces(label: string, definition: JsonObject, stack: OverriddenStack): void {
  for (const host of publishedPorts(definition.ports)) {
    const taken = stack.services.find(({ ports }) => ports.some((port) => port.host === host));
    if (taken) throw refusal(`${label} publishes port ${host}, which is ${taken.name}’s`, 'choose another port');
  }
  const networks = isObject(definition.networks) ? definition.networks : {};
  for (const { name, subnet } of stack.networks) {
    const own = networks[name];
    const address = isObject(own) ? own.ipv4_address : undefined;
    const taken = stack.services.find((service) => service.networks.includes(name) && hostAddress(subnet, service.host) === address);
    if (address !== undefined && taken)
      throw refusal(
        `${label} has the address ${String(address)}, which is ${taken.name}’s`,
        'leave `ipv4_address` out: Docker chooses one',
      );
  }
}

/** Of `[address:]host:container[/protocol]`, a range of them, or Compose's long form. */
function publishedPorts(ports: Json | undefined): number[] {
  const texts = (Array.isArray(ports) ? ports : []).flatMap((port): string[] => {
    if (isObject(port)) return port.published === undefined ? [] : [String(port.published)];
    const parts = String(port).split('/')[0]?.split(':') ?? [];
    return parts.length > 1 ? [parts.at(-2) ?? ''] : [];
  });
  return texts.flatMap((text) => {
    const [first = Number.NaN, last = first] = text.split('-').map(Number);
    return Number.isInteger(first) && Number.isInteger(last) && last - first < 1000
      ? Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)
      : [];
  });
}

function checkName(label: string, name: string): void {
  if (!NAME.test(name))
    throw refusal(
      `${label} has a name that Docker does not take`,
      'use letters, digits, `.`, `_` and `-`, 63 characters at most, a letter or digit first',
    );
}

/** Labels say what is ours: a wrong one would have another project's data removed, or leave this one's behind. */
export function checkLabels(label: string, definition: Json | undefined): void {
  const labels = isObject(definition) ? definition.labels : undefined;
  const names = Array.isArray(labels)
    ? labels.map((entry) => String(entry).split('=')[0] ?? '')
    : Object.keys(isObject(labels) ? labels : {});
  const reserved = names.find((name) => /^(io\.medianest|com\.docker\.compose)\./.test(name));
  if (reserved !== undefined)
    throw refusal(
      `${label} sets the label ${shown(reserved)}, by which ${reserved.startsWith('io') ? 'medianest' : 'Compose'} knows its own`,
      'leave that label out',
    );
}

/** `app-3` is one of `app`. */
const family = (name: string): string => name.replace(/-\d+$/, '');

/** Whether Compose neither creates nor deletes the volume. A value that comes from a variable counts as external. */
export function isExternal(definition: Json | undefined): boolean {
  const external = isObject(definition) ? definition.external : undefined;
  return external !== undefined && external !== null && external !== false;
}

/** @throws UserError COMPOSE_REFUSED where a volume cannot be this project's */
export function checkVolume(key: string, definition: Json | undefined, isOurs: boolean): void {
  const label = `the volume ${shown(key)}`;
  if (isExternal(definition)) {
    if (!isOurs) return;
    throw refusal(`${label} is medianest’s, and \`external\` would mount another one in its place`, 'leave `external` out');
  }
  const { name } = isObject(definition) ? definition : {};
  checkLabels(label, definition);
  if (isOurs && name !== undefined)
    throw refusal(`${label} is medianest’s, and \`name\` would begin another one without its data`, 'leave `name` out');
  if (isOurs) return;
  checkName(label, key);
  if (name !== undefined && name !== null) checkName(`${label}: its \`name\``, String(name));
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A mapping of names at the top of the override. */
export function section(data: JsonObject, key: string): JsonObject {
  const value = data[key];
  if (value === undefined || value === null) return {};
  if (isObject(value)) return value;
  throw refusal(`\`${key}\` is no mapping of names`, `write \`${key}:\` and below it, indented, \`name:\` lines`);
}

/** What an operator wrote is quoted, so that no control character reaches a terminal. */
export const shown = (name: string): string => JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}...` : name);

const refusal = (what: string, hint: string): UserError =>
  new UserError('COMPOSE_REFUSED', `${OVERRIDE_FILE}: ${what}; nothing was changed`, hint);
