import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { withRole } from '../stack/roles.ts';
import { parseAnswer } from './plan/alertmanager.ts';

const ALERTCTL = '/usr/local/bin/alertctl';
const DELIVERIES = '/run/alert-relay/deliveries.json';

/** How the relay's last delivery of a channel went. */
export interface Delivery {
  /** ISO 8601. */
  at: string;
  /** Why the receiver did not accept it. */
  problem?: string;
}

/** Asks the Alertmanager of a running stack, by its own container: nothing of it is published. */
export class Alertmanager {
  private readonly engine: Engine;
  private readonly container: ObservedContainer;
  private readonly relay: ObservedContainer | undefined;

  constructor(engine: Engine, container: ObservedContainer, relay: ObservedContainer | undefined) {
    this.engine = engine;
    this.container = container;
    this.relay = relay;
  }

  /** @returns what it answers, as text. @throws UserError NOT_RUNNING where it does not, or refuses */
  async text(method: 'GET' | 'POST' | 'DELETE', path: string, body?: Json): Promise<string> {
    const argv = [ALERTCTL, method, path, ...(body === undefined ? [] : [JSON.stringify(body)])];
    const { exitCode, output } = await this.engine.exec(this.container.id, argv);
    if (exitCode !== 0) throw away(output.trim().split('\n').at(-1) ?? '');
    const answer = parseAnswer(output);
    if (answer.status < 300) return answer.body;
    throw away(`it answers ${answer.status} to ${path}: ${answer.body.slice(0, 200)}`);
  }

  async json(method: 'GET' | 'POST', path: string, body?: Json): Promise<Json> {
    const text = await this.text(method, path, body);
    return text === '' ? null : (JSON.parse(text) as Json);
  }

  /** By channel; empty where no channel was told anything since the relay has started. */
  async deliveries(): Promise<Record<string, Delivery>> {
    if (!this.relay) return {};
    const { exitCode, output } = await this.engine.exec(this.relay.id, ['cat', DELIVERIES]);
    return exitCode === 0 ? (JSON.parse(output) as Record<string, Delivery>) : {};
  }
}

const away = (why: string): UserError =>
  new UserError(
    'NOT_RUNNING',
    `Alertmanager does not answer${why ? `: ${why}` : ''}`,
    'medianest why alertmanager; then run the same command again',
  );

/** Whether alerts of this project are decided by Alertmanager, as it was rendered last. */
export const hasAlertmanager = ({ state }: Project): boolean => withRole(state.manifest()?.services, 'alerting').length > 0;

/** Of the containers that were seen; undefined where it does not run. */
export function alertmanagerIn(
  engine: Engine,
  services: Parameters<typeof withRole>[0],
  containers: readonly ObservedContainer[],
): Alertmanager | undefined {
  const [service] = withRole(services, 'alerting') as { name: string; component: string }[];
  const running = containers.filter(({ state }) => state === 'running');
  const container = running.find((entry) => entry.service === service?.name);
  const relay = running.find((entry) => entry.component === service?.component && entry.service !== service?.name);
  return container && new Alertmanager(engine, container, relay);
}

/** @throws UserError NOT_RUNNING */
export async function requireAlertmanager(context: Context, { loaded, state }: Project): Promise<Alertmanager> {
  const engine = await context.engine();
  const found = alertmanagerIn(engine, state.manifest()?.services, await engine.observe(loaded.settings.project));
  if (found) return found;
  throw new UserError('NOT_RUNNING', 'Alertmanager does not run', 'medianest up starts it; then run the same command again');
}
