import { clusterctl } from './clusterctl.ts';
import { readConfig } from './config.ts';
import { Refused } from './group.ts';
import { groupsOf } from './groups.ts';
import { logTo } from './log.ts';
import { printStored } from './logs/print.ts';
import { run } from './run.ts';

/** Its grace is 10 s (templates/agent/compose.yml.hbs). An agent that has to be killed looks like one that a fault ended, and is started again. */
const END_MS = 8_000;

const [command, ...rest] = process.argv.slice(2);

async function main(): Promise<void> {
  if (command === 'run') {
    const stop = new AbortController();
    for (const name of ['SIGTERM', 'SIGINT'] as const)
      process.once(name, () => {
        stop.abort();
        setTimeout(() => process.exit(0), END_MS);
      });
    await run(
      logTo(
        (line) => process.stdout.write(line),
        () => new Date(),
      ),
      stop.signal,
    );
  } else if (command === 'check') {
    readConfig();
  } else if (command === 'clusterctl') {
    process.stdout.write(await clusterctl(rest, groupsOf(readConfig()), (what) => process.stderr.write(`${what}\n`)));
  } else if (command === 'logs') {
    await printStored(rest);
  } else {
    throw new Error('usage: agent run | check | clusterctl ... | logs ...');
  }
}

main().then(
  () => process.exit(0),
  (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    // A command line tells by it that nothing was changed (members/agent-cli.ts).
    process.exit(error instanceof Refused ? 3 : 1);
  },
);
