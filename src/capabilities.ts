import { adopting } from './adopt/capability.ts';
import { alerts } from './alerts/capability.ts';
import { autoscale } from './autoscale/capability.ts';
import { backup } from './backup/capability.ts';
import { banning } from './bans/capability.ts';
import { bastion } from './bastion/capability.ts';
import type { Capability, StepName } from './capability/capability.ts';
import { certificates } from './certificates/capability.ts';
import { compliance } from './compliance/capability.ts';
import { deploy } from './deploy/capability.ts';
import { doctor } from './doctor/capability.ts';
import { edge } from './edge/capability.ts';
import { firewall } from './firewall/capability.ts';
import { front } from './front/capability.ts';
import { healing } from './healing/capability.ts';
import { health } from './health/capability.ts';
import { images } from './images/capability.ts';
import { importing } from './import/capability.ts';
import { init } from './init/capability.ts';
import { intrusion } from './intrusion/capability.ts';
import { logs } from './logs/capability.ts';
import { members } from './members/capability.ts';
import { reconcile } from './reconcile/capability.ts';
import { report } from './report/capability.ts';
import { schedule } from './schedule/capability.ts';
import { secrets } from './secrets/capability.ts';
import { storage } from './storage/capability.ts';
import { topology } from './topology/capability.ts';
import { traces } from './traces/capability.ts';
import { users } from './users/capability.ts';
import { vpn } from './vpn/capability.ts';
import { waf } from './waf/capability.ts';

const all = [
  init,
  adopting,
  reconcile,
  logs,
  health,
  intrusion,
  alerts,
  deploy,
  autoscale,
  members,
  images,
  backup,
  importing,
  edge,
  certificates,
  waf,
  firewall,
  banning,
  users,
  vpn,
  bastion,
  doctor,
  topology,
  traces,
  report,
  compliance,
  secrets,
  schedule,
  healing,
  front,
  storage,
] as const;

/** A step that no capability carries out does not compile: the error shows its name. */
type StepsOf<C> = C extends { steps: infer S } ? keyof S : never;
type Handled = StepsOf<(typeof all)[number]>;
type Unhandled = Exclude<StepName, Handled>;

/** Every capability, in the order of `--help`; in this order they are asked for steps, checks and notes too. */
export const capabilities: [Unhandled] extends [never] ? readonly Capability[] : Unhandled = all;
