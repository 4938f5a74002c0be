import type { Observed, SentinelCommand } from '../../../src/agent/sentinel/plan/types.ts';

interface Node {
  service: string;
  address: string;
  up: boolean;
  /** The writes that it has. */
  has: ReadonlySet<number>;
  unfilled: boolean;
  leads: boolean;
  follows: string;
  linkUp: boolean;
}

interface Sentinel {
  service: string;
  address: string;
  up: boolean;
  leader: string | undefined;
  epoch: number;
}

/** It waits to be told (templates/redis/image/entrypoint). */
const NOBODY = '127.0.0.1';
const QUORUM = 2;

/** A leader, a follower and three sentinels in memory, as Redis and the entrypoint of its image behave. */
export function sentinelModel() {
  const nodes: Node[] = [1, 2].map((n) => ({
    ...{ service: `cache-${n}`, address: `10.0.0.${29 + n}`, up: true, has: new Set<number>(), unfilled: true },
    ...{ leads: false, follows: NOBODY, linkUp: false },
  }));
  const sentinels: Sentinel[] = [1, 2, 3].map((n) => ({
    ...{ service: `sentinel-${n}`, address: `10.0.0.${31 + n}`, up: true, leader: undefined, epoch: 0 },
  }));
  let clock = 0;
  let written = 0;
  const safe = new Set<number>();
  const silentSince = new Map<string, number>();
  const at = (address: string | undefined) => nodes.find((node) => node.address === address);
  const elected = () => nodes.find(({ address }) => sentinels.filter(({ up, leader }) => up && leader === address).length >= QUORUM);
  const other = (node: Node) => nodes.find(({ service }) => service !== node.service) as Node;

  const down = (name: string) => {
    for (const one of [...nodes, ...sentinels]) if (one.service === name && one.up) one.up = false;
    if (!silentSince.has(name)) silentSince.set(name, clock);
  };
  const follow = (node: Node, address: string) => Object.assign(node, { leads: false, follows: address, linkUp: false });

  return {
    nodes,
    sentinels,
    /** Writes that both nodes had when they were acknowledged, and that this node has no more. */
    lostIn: (has: ReadonlySet<number> | undefined) => [...safe].filter((write) => !has?.has(write)),
    /** Of these writes, those that are on no disk, of a node that is down either. */
    lost: () => [...safe].filter((write) => !nodes.some(({ has }) => has.has(write))),
    down,
    /** As the entrypoint does: a node leads again only by the word of most sentinels, and never without data. */
    start(name: string, wiped = false) {
      silentSince.delete(name);
      const sentinel = sentinels.find(({ service }) => service === name);
      if (sentinel) Object.assign(sentinel, { up: true, ...(wiped && { leader: undefined, epoch: 0 }) });
      const node = nodes.find(({ service }) => service === name);
      if (!node) return;
      if (wiped) Object.assign(node, { has: new Set(), unfilled: true });
      Object.assign(node, { up: true, leads: false, follows: NOBODY, linkUp: false });
      const leader = elected();
      if (leader === node && !node.unfilled) node.leads = true;
      if (leader && leader !== node) node.follows = leader.address;
    },
    tick() {
      clock += 3000;
      const [newest] = sentinels.filter(({ up, leader }) => up && leader).sort((a, b) => b.epoch - a.epoch);
      for (const one of sentinels) if (newest && one.up && one.leader) Object.assign(one, { leader: newest.leader, epoch: newest.epoch });
      const leader = elected();
      if (leader && !leader.up) {
        const heir = other(leader);
        if (heir.up && !heir.unfilled) promote(heir);
      }
      for (const node of nodes) {
        const source = node.up && !node.leads ? at(node.follows) : undefined;
        node.linkUp = source?.up === true && source.leads;
        if (node.linkUp) Object.assign(node, { has: new Set(source?.has), unfilled: false });
        if (node.up && node.leads) node.unfilled = false;
      }
      const writer = elected();
      if (writer?.up && writer.leads) {
        writer.has = new Set(writer.has).add(++written);
        const follower = other(writer);
        if (follower.linkUp && follower.follows === writer.address) {
          follower.has = writer.has;
          safe.add(written);
        }
      }
    },
    obey(command: SentinelCommand) {
      const node = nodes.find(({ service }) => service === command.at);
      const sentinel = sentinels.find(({ service }) => service === command.at);
      if (node?.up && command.kind === 'lead') Object.assign(node, { leads: true, follows: NOBODY });
      if (node?.up && command.kind === 'follow') follow(node, nodes.find(({ service }) => service === command.leader)?.address as string);
      if (sentinel?.up && command.kind === 'watch')
        Object.assign(sentinel, { leader: nodes.find(({ service }) => service === command.leader)?.address, epoch: 0 });
      if (sentinel?.up && command.kind === 'failover') {
        const old = at(sentinel.leader);
        if (old && other(old).up && !other(old).unfilled) promote(other(old));
      }
    },
    observe(): Observed {
      const silent = (name: string) => ({ silence: 'no answer', silentMs: clock - (silentSince.get(name) ?? clock) });
      const leader = elected();
      return {
        at: clock,
        nodes: nodes.map(({ service, address, up, ...node }) => ({
          ...{ service, address, silentMs: 0 },
          ...(up
            ? {
                view: {
                  ...{ leads: node.leads, linkUp: node.linkUp, unfilled: node.unfilled, loading: false, keys: node.has.size, offset: 0 },
                  ...(!node.leads && { follows: node.follows }),
                },
              }
            : silent(service)),
        })),
        sentinels: sentinels.map(({ service, address, up, leader: watched }) => ({
          ...{ service, address, silentMs: 0 },
          ...(up
            ? { view: { ...(watched && { leader: watched }), down: leader?.up === false, failingOver: false, others: 2 } }
            : silent(service)),
        })),
      };
    },
  };

  function promote(heir: Node): void {
    Object.assign(heir, { leads: true, follows: NOBODY });
    const epoch = Math.max(...sentinels.map((one) => one.epoch)) + 1;
    for (const one of sentinels) if (one.up && one.leader) Object.assign(one, { leader: heir.address, epoch });
  }
}
