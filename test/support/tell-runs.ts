import { afterAll, afterEach, beforeEach } from 'vitest';
import { endedBadly } from './cli.ts';
import { removeTemporaryFolders } from './temporary.ts';

afterAll(removeTemporaryFolders);

// "expected 1 to be 0" does not tell why a command failed: its own words do.
beforeEach(() => {
  endedBadly.length = 0;
});
afterEach(({ task }) => {
  if (endedBadly.length === 0) return;
  for (const error of task.result?.errors ?? []) {
    const told = `\n[${endedBadly.join(']\n[')}]`;
    error.message += told;
    if (error.stack) error.stack = error.stack.replace('\n', `${told}\n`);
  }
});
