import { INSTALL_DOCKER } from '../../core/home.ts';
import type { EngineInfo } from '../../docker/types.ts';
import { type DoctorFacts, isProblem } from './facts.ts';
import { type Examination, type Finding, fail, failed, ok, warn } from './finding.ts';

/** Oldest engine that has all that is used here (`--start-interval` of health checks). */
const OLDEST = [25, 0];

const SUPPORTED = ['amd64', 'arm64'];

export const examineTool: Examination = ({ tool, settings }) => [
  ['x64', 'arm64'].includes(tool.arch)
    ? ok('tool', `medianest ${tool.version} on Node.js ${tool.node} (${tool.arch})`)
    : fail('tool', `Node.js is built for ${tool.arch}, and medianest runs on 64-bit x86 and ARM alone`, 'use a 64-bit system'),
  isProblem(settings)
    ? failed('settings', settings)
    : ok('settings', `${settings.file ?? 'no medianest.yml, so the defaults'}; profile ${settings.profile}`),
];

export const examineEngine: Examination = ({ engine, engineAt, compose }) => [
  ...(isProblem(engine) ? [failed('engine', engine)] : engineFindings(engine, engineAt)),
  isProblem(compose) ? failed('compose', compose) : ok('compose', `docker compose ${compose.version}`),
];

/** Whether this engine can run the stack at all. */
export function engineFindings(info: EngineInfo, at: DoctorFacts['engineAt']): Finding[] {
  return [
    engineKind(info, at),
    ...(SUPPORTED.includes(info.arch)
      ? []
      : [fail('engine.arch', `the engine runs on ${info.arch}; the images are built for 64-bit x86 and ARM`, 'use a 64-bit host')]),
    ...remoteFinding(info, at),
    ...rootlessFinding(info),
    ...(info.remapped
      ? [
          fail(
            'engine.userns',
            'the engine remaps users (userns-remap): secrets and keys that are made for a container’s user would have no owner inside it',
            'remove `userns-remap` from /etc/docker/daemon.json, or run a rootless engine',
          ),
        ]
      : []),
    ...limitFindings(info),
  ];
}

function engineKind(info: EngineInfo, at: DoctorFacts['engineAt']): Finding {
  if (info.podman) {
    return fail(
      'engine',
      `at ${at.label} is Podman ${info.version}, which is not supported: it has no resolver at 127.0.0.11, which the proxies ask for their services`,
      `unset DOCKER_HOST, and use Docker Engine 25 or newer: ${INSTALL_DOCKER}`,
    );
  }
  const [major = 0, minor = 0] = info.version.split('.').map(Number);
  if (major < (OLDEST[0] as number)) {
    return fail(
      'engine',
      `Docker Engine ${info.version} is too old: 25 or newer is needed`,
      'upgrade it as it was installed: https://docs.docker.com/engine/install/',
    );
  }
  return ok(
    'engine',
    `Docker Engine ${major}.${minor}${info.version.slice(`${major}.${minor}`.length)} at ${at.label} (${info.arch}, ${info.storageDriver})`,
  );
}

function remoteFinding(info: EngineInfo, at: DoctorFacts['engineAt']): Finding[] {
  if (at.sameMachine) return [];
  return [
    fail(
      'engine.remote',
      `the engine at ${at.label} runs on another machine (${info.name}): containers mount their configuration, certificates and secrets from the machine that the engine runs on`,
      `run medianest on ${info.name}, or unset DOCKER_HOST to use this machine’s engine`,
    ),
  ];
}

function rootlessFinding(info: EngineInfo): Finding[] {
  if (!info.rootless) return [];
  return [
    warn(
      'engine.rootless',
      'the engine is rootless: supported, but every visitor appears with one and the same address, so that limits by client count all of them together',
      'for a portal that the public reaches, use the system’s engine, or set `edge.rateLimit: false`',
    ),
  ];
}

/** Limits that the kernel does not give are dropped by the engine without an error. */
function limitFindings(info: EngineInfo): Finding[] {
  const missing = [
    ...(info.limits.memory ? [] : ['memory']),
    ...(info.limits.cpus ? [] : ['processors']),
    ...(info.limits.pids ? [] : ['processes']),
  ];
  const swap = info.limits.swap ? [] : ['swap'];
  const remedy = info.rootless
    ? 'delegate the controllers to your user’s systemd (Delegate=cpu cpuset io memory pids), and use cgroup v2'
    : 'boot with `cgroup_enable=memory swapaccount=1`, or use cgroup v2';
  if (missing.length > 0)
    return [
      warn(
        'engine.limits',
        `the kernel gives the engine no limits of ${missing.join(', ')}: one container could use up the machine`,
        remedy,
      ),
    ];
  if (swap.length > 0)
    return [
      warn(
        'engine.limits',
        'the kernel gives the engine no limit of swap: a leaking container slows the machine down before it is stopped',
        remedy,
      ),
    ];
  return [ok('engine.limits', `limits of memory, processors and processes hold (cgroup v${info.cgroupVersion})`)];
}
