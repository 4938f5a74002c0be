import { controller } from './clusterctl.ts';
import { readConfig } from './config.ts';
import { groupsOf } from './groups.ts';
import { logTo } from './log.ts';
import { run } from './run.ts';

const [command, ...rest] = process.argv.slice(2);

async function main(): Promise<void> {
  if (command === 'run') {
    const stop = new AbortController();
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
    await run(
      logTo(
        (line) => process.stdout.write(line),
        () => new Date(),
      ),
      stop.signal,
    );
  } else if (command === 'check') {
    readConfig();
  } else if (command === 'keeper') {
    process.stdout.write(await controller(rest, groupsOf(readConfig()), (what) => process.stderr.write(`${what}\n`)));
  } else {
    throw new Error('usage: agent run | check | controller ...');
  }
}

main().then(
  () => process.exit(0),
  (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  },
);
