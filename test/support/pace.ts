import { run } from './cli.ts';

/** How long Node.js itself takes to start where nothing else runs. */
const USUAL = 0.04;

export async function seconds(what: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await what();
  return (performance.now() - started) / 1000;
}

/** A bound for what has to be quick, wider on a host that is busy with other things: told by how long Node.js takes to start now. */
export async function atMost(bound: number): Promise<number> {
  const times = [];
  for (let round = 0; round < 3; round++) times.push(await seconds(() => run(process.execPath, ['-e', '0'])));
  return Math.max(bound, (bound / USUAL) * Math.min(...times));
}
