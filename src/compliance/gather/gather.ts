import type { Context, Seen as Looked, Project } from '../../capability/capability.ts';
import { certificateStatus } from '../../certificates/status.ts';
import { engineAddress } from '../../docker/address.ts';
import type { ProjectSecurity } from '../../docker/security-types.ts';
import { observe } from '../../firewall/observe.ts';
import { verdict } from '../../firewall/plan/verdict.ts';
import { readPolicy } from '../../firewall/read-policy.ts';
import { hasFirewall } from '../../firewall/store.ts';
import { clockFacts } from '../../host/host-facts.ts';
import { describe } from '../../reconcile/prepare.ts';
import { refuseForeign } from '../../reconcile/refuse-foreign.ts';
import { volumeName } from '../../stack/labels.ts';
import { containersOf } from '../../stack/roles.ts';
import type { Stack } from '../../stack/types.ts';
import { topology, VISITORS } from '../../topology/plan/topology.ts';
import { wafStatus } from '../../waf/waf-status.ts';
import type { Evidence, Found, Seen } from '../plan/evidence.ts';
import { after, attempt, someOf, Unseen } from './attempt.ts';
import { readEdge } from './edge.ts';
import { isHere, readAuditRules, readDaemon, readDockerGroup, readHostFiles } from './host.ts';
import { readAuditLog, readBackups, readLogEvidence, readMonitoring, readRecipients, readSignOn, readStateFiles } from './state.ts';
import { readDataStorage, storage } from './storage.ts';

/** Reads all evidence. Nothing is changed; what cannot be read says why. */
export async function gather(context: Context, project: Project): Promise<Seen> {
  const { loaded, state } = project;
  const name = loaded.settings.project;
  const address = await attempt(() => engineAddress(context.env));
  const engine = await attempt(() => context.engine());
  const [info, security, looked, stack] = await Promise.all([
    after(engine, (one) => one.info()),
    after(engine, (one) => one.security(name)),
    attempt(() => lookAtOurs(context, project)),
    attempt(() => describe(context, loaded)),
  ]);
  const socket = await after(address, ({ label, local }) => {
    if (!isHere(local, 'value' in info ? info.value.name : undefined))
      throw new Unseen(`the engine at ${label} is on another machine`, 'run this there');
    return local ? label : '/run/docker.sock';
  });
  const daemon = await after(socket, readDaemon);
  const containers = await after(looked, () => after(security, ({ containers: all }) => someOf(all)).then(flat));
  const both = await after(looked, (one) => after(stack, (built) => ({ one, built })).then(flat));
  const [edge, inside, waf, limits, firewall, backups, logs, networks] = await Promise.all([
    after(both, ({ one, built }) => readEdge(built, containersOf(one.containers, one.manifest?.services, 'edge'))),
    after(both, ({ one, built }) => insideOf(context, one, built)),
    after(looked, (one) => wafOf(context, one)),
    after(looked, (one) => limitsOf(one)),
    after(both, ({ one, built }) => firewallOf(context, one, built)),
    after(looked, readBackups),
    after(looked, readLogEvidence),
    after(containers, () => after(security, ({ networks: all }) => all).then(flat)),
  ]);
  return {
    engine: await after(security, (all: ProjectSecurity) => all.engine),
    containers,
    networks,
    guests: await after(looked, (one) => guestsOf(one, networks)),
    wantedPorts: await after(stack, ({ services }) => services.flatMap(({ ports }) => ports.map(({ host }) => host))),
    daemon,
    hostFiles: await after(socket, (file) => readHostFiles(file, daemon)),
    auditRules: await after(socket, readAuditRules),
    dockerGroup: await after(socket, readDockerGroup),
    engineStorage: await after(socket, () => after(info, ({ rootDir }) => storage(rootDir)).then(flat)),
    stateStorage: await attempt(() => storage(state.root)),
    dataStorage: await after(socket, () =>
      after(info, ({ rootDir }) => after(both, ({ one, built }) => readDataStorage(one, built, rootDir)).then(flat)).then(flat),
    ),
    stateFiles: await attempt(() => readStateFiles(project)),
    clock: await attempt(() => clockOf(context)),
    edge,
    inside,
    waf,
    limits,
    firewall,
    auditLog: await attempt(() => readAuditLog(project)),
    backups,
    logs,
    monitoring: await after(looked, readMonitoring),
    recipients: await attempt(() => readRecipients(project)),
    signOn: await after(looked, readSignOn),
  };
}

/** The value of a part that was itself found by `after`. @throws Unseen where it was not */
function flat<T>(found: Found<T>): T {
  if ('value' in found) return found.value;
  throw new Unseen(found.unknown, found.fix);
}

/** What runs of this project: a stack of the same name that is another's is not judged. What members say of themselves is not needed, and takes longest. */
async function lookAtOurs(context: Context, project: Project): Promise<Looked> {
  const name = project.loaded.settings.project;
  const engine = await context.engine();
  const containers = await engine.observe(name);
  refuseForeign(name, containers, project.state.root);
  return { context, project, engine, manifest: project.state.manifest(), containers, lives: {}, members: undefined };
}

function clockOf(context: Context): Evidence['clock'] {
  const { synchronized } = clockFacts(undefined, context.clock.now());
  if (synchronized === undefined) throw new Unseen('systemd does not tell whether the clock is synchronized');
  return { synchronized };
}

/** What is served is asked of each listener; who calls whom in clear text follows from the stack, as in `medianest topology`. */
async function insideOf(context: Context, { project, containers }: Looked, stack: Stack): Promise<Evidence['inside']> {
  const { certificates } = await certificateStatus(context, project, someOf(containers));
  const component = (group: string) => group.split('@')[0] ?? group;
  return {
    certificates: certificates.map(({ name, status, cause }) => ({ name, status, cause })),
    plain: topology(stack, {})
      .flows.filter(({ from, tls, socket }) => from !== VISITORS && !tls && !socket)
      .map(({ from, to }) => `${component(from)} to ${component(to)}`),
  };
}

const runningEdge = ({ containers, manifest }: Looked) => {
  const edge = containersOf(containers, manifest?.services, 'edge').find(({ state }) => state === 'running');
  if (!edge) throw new Unseen('no edge of this stack runs', '`medianest up`');
  return edge;
};

async function wafOf(context: Context, seen: Looked): Promise<Evidence['waf']> {
  runningEdge(seen);
  const found = await wafStatus(context, seen.project.loaded, seen.project.state);
  return found ? { mode: found.mode, text: found.text } : { mode: 'off', text: '' };
}

/** By the zones of its running configuration (templates/edge/config/limits.conf.hbs). */
async function limitsOf(seen: Looked): Promise<Evidence['limits']> {
  const { exitCode, output } = await seen.engine.exec(runningEdge(seen).id, [
    'grep',
    '-h',
    '^limit_req_zone',
    '/etc/medianest/current/limits.conf',
  ]);
  // 1: no line fits; anything else is no answer.
  if (exitCode > 1) throw new Unseen('the configuration of the edge cannot be read');
  return { requests: output.includes('zone=clients'), login: output.includes('zone=logins') };
}

async function firewallOf(context: Context, { project, containers }: Looked, stack: Stack): Promise<Evidence['firewall']> {
  const { enabled } = project.loaded.settings.firewall;
  if (!enabled && !hasFirewall(project.state)) return { state: 'off', drift: [], enabled };
  const { state, drift } = verdict(
    await observe(
      project,
      await readPolicy(context, project, stack),
      containers.flatMap(({ ports }) => ports),
    ),
  );
  return { state, drift, enabled };
}

async function guestsOf({ engine, project }: Looked, networks: Found<Evidence['networks']>): Promise<string[]> {
  const name = project.loaded.settings.project;
  const found = await engine.guests(
    name,
    flat(networks).map((network) => network.name),
  );
  return found.filter(({ ours }) => !ours).map(({ container, network }) => `${container} in ${network.replace(volumeName(name, ''), '')}`);
}
