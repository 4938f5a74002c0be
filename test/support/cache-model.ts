import { overlap, share } from '../../src/agent/cache/plan/ranges.ts';
import { type CacheCommand, type KnownNode, MASTERS, type NodeView, type Observed } from '../../src/agent/cache/plan/types.ts';

/** What one node believes of another. */
interface Entry {
  address: string;
  flag: '' | 'fail?' | 'fail' | 'noaddr';
  master: string | undefined;
  epoch: number;
  shards: Set<number>;
}

interface Node {
  service: string;
  address: string;
  up: boolean;
  id: string;
  epoch: number;
  master: string | undefined;
  shards: Set<number>;
  /** Shards whose data it holds. */
  data: Set<number>;
  table: Map<string, Entry>;
  forgotten: Map<string, number>;
  silentMs: number;
}

const TICK_MS = 1000;
const NODE_TIMEOUT_MS = 2000;
const shardsOf = (command: { slots: readonly (readonly [number, number])[] }) =>
  [0, 1, 2].filter((shard) => overlap([share(shard, MASTERS)], command.slots));

/**
 * Redis Cluster as far as the controller can tell: nodes that gossip, fail, elect, replicate at once, and obey commands as Redis 8
 * does (cluster_legacy.c). A third of the slots is one thing, a shard; data is there or not.
 */
export function cacheModel(count: number) {
  let ids = 0;
  const newId = () => `id${String(++ids).padStart(4, '0')}`;
  const nodes: Node[] = Array.from({ length: count }, (_, i) => ({
    service: `redis-${i + 1}`,
    address: `10.0.0.${i}`,
    up: true,
    silentMs: 0,
    ...blank(),
  }));
  let time = 0;

  function blank() {
    return {
      id: newId(),
      epoch: 0,
      master: undefined as string | undefined,
      shards: new Set<number>(),
      data: new Set<number>(),
      table: new Map<string, Entry>(),
      forgotten: new Map<string, number>(),
    };
  }
  const at = (address: string) => nodes.find((node) => node.up && node.address === address);
  const entryOf = (node: Node): Entry => ({
    address: node.address,
    flag: '',
    master: node.master,
    epoch: node.epoch,
    shards: new Set(node.shards),
  });

  /** One hears of another by its own header. */
  function hears(one: Node, other: Node) {
    one.table.set(other.id, entryOf(other));
    for (const shard of other.shards) {
      for (const [id, entry] of one.table) if (id !== other.id && entry.epoch < other.epoch) entry.shards.delete(shard);
      const owner = [...one.table].find(([id, entry]) => id !== other.id && entry.shards.has(shard));
      if (owner) (one.table.get(other.id) as Entry).shards.delete(shard);
      if (!one.shards.has(shard)) continue;
      if (one.epoch < other.epoch || (one.epoch === other.epoch && one.id > other.id)) {
        one.shards.delete(shard);
        // All that it had went to that one: it follows. Otherwise the rest of its data stays.
        if (one.shards.size === 0) becomeReplica(one, other.id);
        else one.data.delete(shard);
      } else (one.table.get(other.id) as Entry).shards.delete(shard);
    }
    // A replica goes with its shard to whoever took it.
    const master = one.master === undefined ? undefined : one.table.get(one.master);
    if (
      one.master !== other.id &&
      master &&
      master.shards.size === 0 &&
      other.shards.size > 0 &&
      [...one.data].some((shard) => other.shards.has(shard))
    )
      becomeReplica(one, other.id);
  }

  /** Who claims what another has by a higher epoch is told so (an UPDATE message), if it knows that one. */
  function corrects(one: Node, there: Node) {
    for (const shard of [...one.shards]) {
      const owner = [...there.table].find(([id, entry]) => id !== one.id && entry.shards.has(shard) && entry.epoch > one.epoch);
      const known = owner && one.table.get(owner[0]);
      if (!owner || !known) continue;
      Object.assign(known, { epoch: owner[1].epoch, master: undefined });
      known.shards.add(shard);
      one.shards.delete(shard);
      if (one.shards.size === 0) becomeReplica(one, owner[0]);
    }
  }

  function becomeReplica(node: Node, master: string) {
    node.master = master;
    node.shards.clear();
  }

  function gossip() {
    for (const one of nodes.filter(({ up }) => up)) {
      for (const [id, entry] of one.table) {
        if (entry.flag === 'noaddr') continue;
        const there = at(entry.address);
        if (there && there.id === id) {
          // A ping tells the other who calls; one that it has never met is not believed.
          if (there.table.has(one.id)) {
            hears(there, one);
            corrects(one, there);
          }
          hears(one, there);
          for (const [known, said] of there.table) {
            const own = one.table.get(known);
            if (known === one.id || said.flag !== '') continue;
            if (!own && (one.forgotten.get(known) ?? 0) < time) one.table.set(known, { ...said, shards: new Set(said.shards) });
            else if (own && own.flag !== '' && own.flag !== 'noaddr' && own.address !== said.address) own.address = said.address;
          }
        } else if (there) {
          entry.flag = 'noaddr';
          entry.address = '';
        } else if (entry.flag === '') entry.flag = 'fail?';
      }
    }
  }

  const voters = (node: Node) => {
    const masters = [...node.table].filter(([, entry]) => entry.shards.size > 0);
    const alive = masters.filter(([id]) =>
      nodes.some((other) => other.up && other.id === id && other.shards.size > 0 && other.table.has(node.id)),
    );
    return { quorum: alive.length > masters.length / 2, alive };
  };

  function promote(node: Node, from: string) {
    const entry = node.table.get(from);
    if (!entry) return;
    node.epoch = 1 + Math.max(node.epoch, ...[...node.table.values()].map(({ epoch }) => epoch));
    node.shards = new Set(entry.shards);
    entry.shards.clear();
    node.master = undefined;
  }

  function elections() {
    for (const node of nodes.filter(({ up }) => up)) {
      if (voters(node).quorum) for (const entry of node.table.values()) if (entry.flag === 'fail?') entry.flag = 'fail';
      if (node.master !== undefined && node.table.get(node.master)?.flag === 'fail' && voters(node).quorum) promote(node, node.master);
    }
  }

  function replication() {
    for (const node of nodes) {
      const master = nodes.find((other) => other.up && other.id === node.master);
      // Redis follows a chain up to its head by itself; one step a tick here.
      if (node.up && master && node.table.get(master.id)?.address === master.address)
        if (master.master !== undefined && master.master !== node.id) node.master = master.master;
        else node.data = new Set(master.data);
    }
  }

  function tick() {
    time++;
    gossip();
    elections();
    replication();
    for (const node of nodes) node.silentMs = node.up ? 0 : node.silentMs + TICK_MS;
  }

  function viewOf(node: Node): NodeView {
    const line = (id: string, entry: Entry, myself: boolean): KnownNode => ({
      id,
      address: entry.address,
      flags: [...(myself ? ['myself'] : []), entry.master === undefined ? 'master' : 'slave', ...(entry.flag ? [entry.flag] : [])],
      master: entry.master,
      epoch: entry.epoch,
      connected: entry.flag === '',
      slots: [...entry.shards].map((shard) => share(shard, MASTERS)),
    });
    return {
      id: node.id,
      stateOk: true,
      known: [line(node.id, entryOf(node), true), ...[...node.table].map(([id, entry]) => line(id, entry, false))],
      keys: node.data.size,
      offset: 0,
      linkUp: true,
    };
  }

  const observe = (): Observed => ({
    at: time * TICK_MS,
    replicas: count / MASTERS - 1,
    nodeTimeoutMs: NODE_TIMEOUT_MS,
    nodes: nodes.map((node) => ({
      service: node.service,
      address: node.address,
      silentMs: node.silentMs,
      ...(node.up ? { view: viewOf(node) } : { silence: 'no answer' }),
    })),
  });

  /** As Redis would: what it refuses changes nothing. */
  function obey(command: CacheCommand) {
    const node = nodes.find(({ service }) => service === command.at);
    if (!node?.up) return;
    switch (command.kind) {
      case 'set-epoch':
        if (node.table.size === 0 && node.epoch === 0) node.epoch = command.epoch;
        return;
      case 'take-slots': {
        const shards = shardsOf(command);
        const busy = shards.some((shard) => node.shards.has(shard) || [...node.table.values()].some((entry) => entry.shards.has(shard)));
        if (!busy && node.master === undefined) for (const shard of shards) node.shards.add(shard);
        return;
      }
      case 'meet': {
        const other = at(command.address);
        if (!other || other === node) return;
        hears(node, other);
        hears(other, node);
        return;
      }
      case 'failover':
        if (node.master !== undefined && (command.how === 'TAKEOVER' || voters(node).quorum)) promote(node, node.master);
        return;
      case 'replicate': {
        const known = node.table.get(command.master);
        if (!known || known.master !== undefined || node.shards.size > 0 || (node.master === undefined && node.data.size > 0)) return;
        node.master = command.master;
        node.data = new Set();
        return;
      }
      case 'forget':
        if (command.id === node.id || command.id === node.master || !node.table.delete(command.id)) return;
        node.forgotten.set(command.id, time + 60);
    }
  }

  return {
    nodes,
    tick,
    observe,
    obey,
    wipe: (node: Node) => Object.assign(node, blank()),
    readdress: (by: (index: number) => string) => {
      for (const [index, node] of nodes.entries()) node.address = by(index);
    },
    /** Sign-ins in all shards. */
    write: () => {
      for (const node of nodes) for (const shard of node.shards) node.data.add(shard);
    },
    /** Shards whose data some node that is up holds. */
    reachable: () => new Set(nodes.filter(({ up }) => up).flatMap(({ data }) => [...data])),
    held: () => new Set(nodes.flatMap(({ data }) => [...data])),
  };
}
