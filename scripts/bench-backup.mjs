// What a backup and a restore cost: beside pgBackRest and restic by hand on the same data, beside a plain copy to the same
// disk, and to the people who use the portal meanwhile; and what is lost with a host that dies under load.
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atLeast, atMost, bench, docker, edgeSettings, median, startLoad, told } from './bench-lib.mjs';
import { leaderOf, settled } from './bench-members.mjs';

const GIB = 1024 ** 3;
const DATABASE_BYTES = Number(process.env.BENCH_BACKUP_BYTES ?? GIB);
const FILES = 64;
const SETS = [10, 100, 1000];
const BOUNDS = { byHand: 1.15, incremental: 0.1, restore: 0.7, restoreSeconds: 180, rpoSeconds: 60, p99: 1.5 };
const seconds = (ms) => ms / 1000;

const inside = (at, service, ...argv) => docker('exec', `${at.project}-${service}-1`, ...argv);
const sql = (at, query) =>
  inside(at, leaderOf(at, 'postgres'), 'psql', '-XqAt', '-h', '/run/postgresql', '-U', 'postgres', '-d', 'medianest', '-c', query);
/** 8,000 bytes, others for each row (the condition keeps them from being made once for all). */
const RANDOM = "(select string_agg(gen_random_bytes(1000), '') from generate_series(1, 8) where id = id)";
const json = ({ stdout }) => JSON.parse(stdout);

/** Half of the data in the database, half in uploads; none of it can be compressed. */
async function fill(at) {
  const rows = Math.round(DATABASE_BYTES / 8000);
  sql(at, 'create extension if not exists pgcrypto');
  sql(at, 'create table bulk (id int primary key, body bytea); alter table bulk alter body set storage external');
  for (let from = 1; from <= rows; from += 10_000)
    sql(at, `insert into bulk select id, ${RANDOM} from generate_series(${from}, ${Math.min(from + 9999, rows)}) id`);
  const each = Math.round(DATABASE_BYTES / FILES / 1024);
  inside(at, 'app-1', 'sh', '-c', `for i in $(seq ${FILES}); do head -c ${each}k /dev/urandom >/srv/uploads/bulk-$i; done; sync`);
  // Pages are written once more when they are first read; that is no part of what a person changes.
  sql(at, 'vacuum (freeze) bulk');
  sql(at, 'checkpoint');
  await settled(at);
  await archived(at);
}

/** Until all WAL is in the repository: the first to back up would wait for it. */
async function archived(at) {
  const segment = sql(at, 'select pg_walfile_name(pg_switch_wal())');
  while (sql(at, `select coalesce(last_archived_wal, '') >= '${segment}' from pg_stat_archiver`) !== 't') await sleep(500);
}

/** One percent of it becomes other data. */
async function change(at) {
  sql(at, `update bulk set body = ${RANDOM} where id <= ${Math.round(DATABASE_BYTES / 8000 / 100)}; checkpoint`);
  inside(at, 'app-1', 'sh', '-c', 'head -c $(stat -c %s /srv/uploads/bulk-1) /dev/urandom >/srv/uploads/bulk-1; sync');
  await archived(at);
}

/** A container with what a job of medianest has. */
const job = (at, script, more = []) => {
  const image = docker('inspect', '--format', '{{.Config.Image}}', `${at.project}-backup-1`);
  return at.call('docker', [
    ...['run', '--rm', '--network', 'none', '--user', '0:0', '--entrypoint', 'bash'],
    ...['--volume', `${at.project}_backups:/srv/backups`, '--volume', `${at.project}_uploads:/source/uploads:ro`],
    ...['--volume', `${path.join(at.dir, '.medianest')}:/source/state:ro`],
    ...['--volume', `${path.join(at.dir, '.medianest/secrets/backup')}:/run/secrets:ro`],
    ...[...more, image, '-c', script],
  ]);
};

const RESTIC = 'restic --quiet --no-cache --repo /srv/backups/by-hand --password-file /run/secrets/backup-files-key';

/** The same engines, started by hand; restic into a repository of its own, which the first one makes. */
function byHand(at, type) {
  if (type === 'full') job(at, `${RESTIC} init`);
  const database = at.call('docker', [
    ...['exec', `${at.project}-backup-1`, 'pgbackrest', '--log-level-console=warn', `--type=${type}`, 'backup'],
  ]);
  return seconds(database.ms + job(at, `${RESTIC} backup /source`).ms);
}

/** Both by hand, into empty volumes. */
function restoredByHand(at) {
  const made = (name) => ['--volume', `${at.project}_by-hand-${name}:/to`];
  const pgbackrest = 'database-repository --pg1-path=/to/17 --process-max=2 restore';
  const database = job(at, `mkdir -m 0700 /to/17 && ${pgbackrest} && sync -f /to`, made('db'));
  const files = job(at, `${RESTIC} restore latest:/source/uploads --target /to && sync -f /to`, made('files'));
  docker('volume', 'rm', `${at.project}_by-hand-db`, `${at.project}_by-hand-files`);
  return seconds(database.ms + files.ms);
}

/** The same bytes copied on the same disk, and flushed. */
function plainCopy(at, leader) {
  const data = `${at.project}_${leader}`;
  const image = docker('inspect', '--format', '{{.Config.Image}}', `${at.project}-backup-1`);
  const script = 'mkdir -p /to/a && cp -a /from/db /from/uploads /to/a/ && sync -f /to && rm -r /to/a';
  const mounts = ['--volume', `${data}:/from/db:ro`, '--volume', `${at.project}_uploads:/from/uploads:ro`];
  const run = ['run', '--rm', '--network', 'none', '--user', '0:0', ...mounts, '--volume', `${at.project}_copied:/to`];
  const { ms } = at.call('docker', [...run, '--entrypoint', 'bash', image, '-c', script]);
  docker('volume', 'rm', `${at.project}_copied`);
  return seconds(ms);
}

async function cost(at) {
  const visitors = { rate: 50, postEvery: 5 };
  const measure = async (work) => {
    const load = startLoad(at, visitors);
    try {
      await work(load);
      return (await load.stop()).get;
    } finally {
      load.kill();
    }
  };
  const image = docker('inspect', '--format', '{{.Config.Image}}', `${at.project}-backup-1`);
  const kinds = {
    alone: (load) => load.sent(visitors.rate * 20),
    during: async (load) => {
      await load.sent(visitors.rate);
      const { status, stderr } = await at.medianestMeanwhile('backup', '--type', 'full', '--json');
      if (status !== 0) throw new Error(stderr);
    },
    // What any work in the background costs here, that touches neither disk nor data and takes what is left over.
    busy: async (load) => {
      const loop = 'timeout 15 sh -c "while :; do :; done"';
      const run = ['run', '--rm', '--detach', '--cpu-shares', '2', '--network', 'none', '--entrypoint', 'sh', image];
      docker(...run, '-c', `${Array(os.cpus().length).fill(loop).join(' & ')}; wait`);
      await load.sent(visitors.rate * 15);
    },
  };
  const reports = { alone: [], during: [], busy: [] };
  // A p99 of some hundred requests is a few of them: the median of three, in turn.
  for (let round = 0; round < 3; round++) for (const [kind, work] of Object.entries(kinds)) reports[kind].push(await measure(work));
  const p99 = (kind) => median(reports[kind].map((report) => report.p99));
  return atMost(BOUNDS.p99, p99('during') / p99('alone'), {
    unit: 'times the p99 of requests without a backup, medians of three',
    p99Ms: Object.fromEntries(Object.entries(reports).map(([kind, list]) => [kind, list.map((report) => Math.round(report.p99))])),
    failed: reports.during.reduce((sum, report) => sum + report.failed, 0),
    idleWork: p99('busy') / p99('alone'),
  });
}

/** Every container of the host dies under load; what was acknowledged and is not in the archive is lost with it. */
async function hostDies(at) {
  sql(at, 'create table if not exists clock (at timestamptz)');
  let acknowledged;
  for (const until = Date.now() + 45_000; Date.now() < until; await sleep(200))
    acknowledged = sql(at, 'insert into clock values (clock_timestamp()) returning at');
  docker('kill', ...docker('ps', '--quiet', '--filter', `label=io.medianest.project=${at.project}`).split('\n'));
  // Nothing of it is started again: all that a restore finds is in the repository.
  at.medianest('restore', '--to', 'newest', '--into', `${at.project}-look`, '--yes', '--json');
  const found = docker(
    ...['exec', `${at.project}-look-postgres`, 'psql', '-XqAt', '-h', '/run', '-U', 'postgres', '-d', 'medianest'],
    ...['-c', `select extract(epoch from timestamptz '${acknowledged}' - max(at)) from clock where at <= '${acknowledged}'`],
  );
  at.medianest('preview', 'remove', `${at.project}-look`);
  return Number(found);
}

/** Catalogues as long as years of backups make them. */
function growth(at) {
  const file = path.join(at.dir, '.medianest/backups.json');
  const { stdout: kept } = at.call('cat', [file]);
  const catalogue = JSON.parse(kept);
  const figures = {};
  for (const count of SETS) {
    const sets = Array.from({ length: count }, (_, index) => {
      const when = new Date(Date.now() - (count - index) * 3_600_000).toISOString();
      const id = `${when.replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15)}-incr`;
      return { ...catalogue.sets[index % catalogue.sets.length], id, startedAt: when, finishedAt: when };
    });
    writeFileSync(file, JSON.stringify({ ...catalogue, sets }));
    const ms = (...args) => median([1, 2, 3].map(() => at.medianest(...args).ms));
    figures[count] = { listMs: Math.round(ms('backup', 'list')), pruneMs: Math.round(ms('backup', 'prune', '--dry-run')) };
  }
  writeFileSync(file, kept);
  return figures;
}

export async function backup() {
  const at = bench('mn-bench');
  const figures = {};
  try {
    at.settings('staging', edgeSettings('rateLimit: false, connections: 0'));
    at.medianest('up', '--timeout', '300');
    await settled(at);
    // The first one makes the repositories.
    at.medianest('backup', '--type', 'full');
    await fill(at);
    const hand = byHand(at, 'full');
    const backedUp = (type) => {
      const { ms, stdout } = at.medianest('backup', '--type', type, '--json');
      return { seconds: seconds(ms), ...JSON.parse(stdout) };
    };
    const full = backedUp('full');
    figures.fullByHand = atMost(BOUNDS.byHand, full.seconds / hand, {
      unit: 'times pgBackRest and restic by hand',
      seconds: full.seconds,
      reference: { seconds: hand },
      sizeBytes: full.sizeBytes,
    });
    await change(at);
    const incremental = backedUp('incr');
    figures.incrementalTime = atMost(BOUNDS.incremental, incremental.seconds / full.seconds, {
      unit: 'of the full one’s time, after 1 % was changed',
      seconds: incremental.seconds,
    });
    figures.incrementalSize = atMost(BOUNDS.incremental, incremental.storedBytes / full.storedBytes, { unit: 'of the full one’s size' });
    await change(at);
    const incrementalByHand = byHand(at, 'incr');
    figures.incrementalByHand = told({ times: incremental.seconds / incrementalByHand, seconds: incrementalByHand });
    const restoreByHand = restoredByHand(at);
    job(at, 'rm -r /srv/backups/by-hand');
    figures.cost = await cost(at);
    const copy = plainCopy(at, leaderOf(at, 'postgres'));
    const looked = seconds(at.medianest('restore', '--to', 'newest', '--into', `${at.project}-look`, '--yes', '--json').ms);
    at.medianest('preview', 'remove', `${at.project}-look`);
    figures.restoreRate = atLeast(BOUNDS.restore, copy / looked, {
      unit: 'of the rate of a plain copy of the same data, the database started and looked through included',
      seconds: looked,
      reference: { seconds: copy },
      byHand: { seconds: restoreByHand },
    });
    const drill = json(at.medianest('drill', '--json'));
    figures.drill = atMost(BOUNDS.restoreSeconds, drill.rtoSeconds, { unit: 's until the portal answers', rpoSeconds: drill.rpoSeconds });
    const started = performance.now();
    at.medianest('restore', '--to', 'newest', '--yes', '--json');
    figures.restoreWhole = atMost(BOUNDS.restoreSeconds, seconds(performance.now() - started), {
      unit: 's in place, with the safety set before and the full backup after',
    });
    await settled(at);
    figures.rpo = atMost(BOUNDS.rpoSeconds, await hostDies(at), { unit: 's of acknowledged writes that a dead host takes with it' });
    figures.growth = told(growth(at));
  } finally {
    at.remove();
  }
  return figures;
}
