import type { ContainerState } from '../../../src/agent/engine-client.ts';
import { type FencerAnswer, type FencerStep, nextStep } from '../../../src/agent/plan/fencer.ts';

/**
 * The database's members, the lock in etcd and the fencer as states and steps, for `explore` to try in every order
 * (docs/fencer.md). Each step of a member is one that Patroni takes against etcd or PostgreSQL; whatever can happen between
 * two of them does.
 */
interface State {
  lock: { holder: number; revision: number; lease: string } | undefined;
  revision: number;
  /** What the lock was before it last changed: what a reader of an old state would still see. */
  before: State['lock'];
  members: Member[];
  /** What the fencer is about to do; undefined between two rounds. */
  fencer: FencerStep | undefined;
  /** Of the variant that proves before it reads. */
  proven: number | undefined;
}

interface Member {
  process: 'up' | 'paused' | 'down';
  life: number;
  /** Leases that this life has lost. */
  lost: number;
  role: 'none' | 'replica' | 'primary';
  /** What it last read of the lock, until it has acted on it. */
  seen: State['lock'] | 'free' | undefined;
  /** It was granted the lock when it last looked, and will promote. */
  granted: boolean;
  /** Whom it streams from. */
  follows: number | undefined;
}

export interface World {
  members: number;
  /** Lives that a member may have, and changes of the lock: they bound the search. */
  lives: number;
  revisions: number;
  /**
   * A commit waits for a standby. Then a leader's lease may also run out while it is paused, and no harm is done; without
   * it Patroni alone would then have two leaders once that one goes on, so there it does not.
   */
  synchronous: boolean;
  /** Members may be paused, and go on. */
  pauses: boolean;
  /** A read of the lock may give an older state. */
  staleReads: boolean;
  fencer: Variant;
}

/** The fencer as it is, and wrong ones. */
type Variant = 'none' | 'right' | 'no-compare' | 'compare-holder-only' | 'paused-is-dead' | 'proof-before-read';

const lease = (index: number, { life, lost }: Member): string => `${index}.${life}.${lost}`;

const beginning = (world: World): State => ({
  lock: { holder: 0, revision: 1, lease: '0.0.0' },
  revision: 1,
  before: undefined,
  members: Array.from({ length: world.members }, (_, index) => ({
    process: 'up',
    life: 0,
    lost: 0,
    role: index === 0 ? 'primary' : 'replica',
    seen: undefined,
    granted: index === 0,
    follows: index === 0 ? undefined : 0,
  })),
  fencer: undefined,
  proven: undefined,
});

/** It takes writes and may tell a client that they are kept. */
function mayAcknowledge(state: State, index: number, world: World): boolean {
  const member = state.members[index] as Member;
  if (member.process !== 'up' || member.role !== 'primary') return false;
  if (!world.synchronous) return true;
  return state.members.some((other) => other.process === 'up' && other.role === 'replica' && other.follows === index);
}

const leaders = (state: State, world: World): number[] =>
  state.members.flatMap((_, index) => (mayAcknowledge(state, index, world) ? [index] : []));

/** Every state that one step leads to. */
function successors(state: State, world: World): { step: string; state: State }[] {
  const found: { step: string; state: State }[] = [];
  const add = (step: string, change: (next: State) => void) => {
    const next = { ...state, members: state.members.map((member) => ({ ...member })) };
    change(next);
    if (next.revision <= world.revisions && next.members.every(({ life }) => life < world.lives)) found.push({ step, state: next });
  };
  for (const index of state.members.keys()) memberSteps(state, index, world, add);
  leaseSteps(state, world, add);
  if (world.fencer !== 'none') fencerSteps(state, world, add);
  return found;
}

type Add = (step: string, change: (next: State) => void) => void;

function setLock(state: State, lock: State['lock']): void {
  state.before = state.lock;
  state.lock = lock;
}

function memberSteps(state: State, index: number, { pauses }: World, add: Add): void {
  const member = state.members[index] as Member;
  const at = (next: State) => next.members[index] as Member;
  if (member.process !== 'down') add(`${index} dies`, (next) => end(at(next)));
  if (member.process === 'down')
    add(`${index} is started`, (next) => Object.assign(at(next), { process: 'up', life: member.life + 1, lost: 0 }));
  if (member.process === 'paused') add(`${index} goes on`, (next) => Object.assign(at(next), { process: 'up' }));
  if (member.process !== 'up') return;
  if (pauses) add(`${index} is paused`, (next) => Object.assign(at(next), { process: 'paused' }));
  // ha.py, load_cluster_from_dcs.
  if (member.seen === undefined) add(`${index} looks`, (next) => Object.assign(at(next), { seen: next.lock ?? 'free' }));
  else add(`${index} acts`, (next) => act(next, index));
  if (member.granted && member.role !== 'primary')
    add(`${index} promotes`, (next) => Object.assign(at(next), { role: 'primary', follows: undefined }));
}

const end = (member: Member): void =>
  void Object.assign(member, { process: 'down', role: 'none', seen: undefined, granted: false, follows: undefined });

/** One turn of Patroni's loop after it has looked: update the lock, race for it, or follow its holder. */
function act(state: State, index: number): void {
  const me = state.members[index] as Member;
  const { seen } = me;
  me.seen = undefined;
  const put = () => setLock(state, { holder: index, revision: ++state.revision, lease: lease(index, me) });
  if (seen === 'free') {
    // ha.py, process_unhealthy_cluster, and etcd3.py, attempt_to_acquire_leader. Patroni lets fewer race than this: not who is
    // behind, and nobody who reaches a primary that runs.
    if (state.lock === undefined) {
      put();
      me.granted = true;
    } else loseTo(me, undefined);
  } else if (seen?.holder === index) {
    // etcd3.py, _update_leader: with its own lease it only refreshes that, and looks at nothing else.
    if (seen.lease === lease(index, me)) me.granted = true;
    else if (state.lock === undefined || state.lock.holder === index) {
      put();
      me.granted = true;
    } else loseTo(me, undefined);
  } else loseTo(me, seen?.holder);
}

function loseTo(member: Member, holder: number | undefined): void {
  member.granted = false;
  member.role = 'replica';
  if (holder !== undefined) member.follows = holder;
}

/** A lease runs out where nobody refreshes it any more. */
function leaseSteps(state: State, world: World, add: Add): void {
  const { lock } = state;
  if (!lock) return;
  const holder = state.members[lock.holder] as Member;
  const current = lock.lease === lease(lock.holder, holder);
  const abandoned = !current || holder.process === 'down';
  if (abandoned) add('the lease runs out', (next) => setLock(next, undefined));
  else if (holder.process === 'paused' && world.synchronous)
    add('the lease of a paused one runs out', (next) => {
      (next.members[lock.holder] as Member).lost++;
      setLock(next, undefined);
    });
}

const told = ({ process }: Member): ContainerState => ({
  running: process !== 'down',
  paused: process === 'paused',
  restarting: false,
  pid: process === 'down' ? 0 : 1,
});

function fencerSteps(state: State, world: World, add: Add): void {
  const variant = world.fencer;
  const { fencer } = state;
  if (!fencer) {
    if (variant === 'proof-before-read') {
      for (const [index, member] of state.members.entries())
        if (member.process === 'down')
          add(`the fencer proves that ${index} is dead`, (next) => Object.assign(next, { fencer: { do: 'read' }, proven: index }));
    } else add('the fencer begins', (next) => Object.assign(next, { fencer: { do: 'read' } }));
    return;
  }
  // Its process can end at any step.
  add('the fencer is killed', (next) => Object.assign(next, { fencer: undefined, proven: undefined }));
  const proceed = (step: string, answer: FencerAnswer, effect: (next: State) => void = () => {}) =>
    add(step, (next) => {
      effect(next);
      next.fencer = nextStep(fencer, answer);
    });
  if (fencer.do === 'read') {
    for (const lock of world.staleReads ? [state.lock, state.before] : [state.lock]) {
      const read = lock && { holder: String(lock.holder), revision: String(lock.revision) };
      if (variant === 'proof-before-read') {
        add('the fencer reads', (next) => {
          next.fencer = read && lock?.holder === state.proven ? { do: 'release', lock: read } : undefined;
          next.proven = undefined;
        });
      } else proceed('the fencer reads', { to: 'read', lock: read });
    }
    return;
  }
  const holder = Number(fencer.lock.holder);
  const member = state.members[holder] as Member;
  if (fencer.do === 'inspect') {
    for (const tooLong of [true, false]) {
      const seen = variant === 'paused-is-dead' && member.process === 'paused' ? told({ ...member, process: 'down' }) : told(member);
      proceed('the fencer asks the engine', { to: 'inspect', state: seen, tooLong });
    }
  }
  if (fencer.do === 'kill') proceed(`the fencer kills ${holder}`, { to: 'kill' }, (next) => end(next.members[holder] as Member));
  if (fencer.do === 'release') {
    const same = state.lock?.holder === holder;
    const unchanged = same && String(state.lock?.revision) === fencer.lock.revision;
    const releases = variant === 'no-compare' || (variant === 'compare-holder-only' ? same : unchanged);
    proceed('the fencer releases', { to: 'release', released: releases }, (next) => {
      if (releases && next.lock) setLock(next, undefined);
    });
  }
}

/** Breadth first over all states; the shortest way to two leaders, or undefined where there is none. */
export function explore(world: World): { states: number; violation: string[] | undefined } {
  const first = beginning(world);
  const cameFrom = new Map<string, { parent: string; step: string } | undefined>([[JSON.stringify(first), undefined]]);
  let frontier = [first];
  while (frontier.length > 0) {
    const next: State[] = [];
    for (const state of frontier) {
      const parent = JSON.stringify(state);
      for (const { step, state: reached } of successors(state, world)) {
        const key = JSON.stringify(reached);
        if (cameFrom.has(key)) continue;
        cameFrom.set(key, { parent, step });
        if (leaders(reached, world).length > 1) return { states: cameFrom.size, violation: way(key, cameFrom) };
        next.push(reached);
      }
    }
    frontier = next;
  }
  return { states: cameFrom.size, violation: undefined };
}

function way(key: string, cameFrom: ReadonlyMap<string, { parent: string; step: string } | undefined>): string[] {
  const steps: string[] = [];
  for (let at = cameFrom.get(key); at; at = cameFrom.get(at.parent)) steps.unshift(at.step);
  return steps;
}
