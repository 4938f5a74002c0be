import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { tarFolder } from '../../../src/docker/new-volumes.ts';
import { temporaryFolder } from '../../support/temporary.ts';

it('tar itself reads the folders, their owners and modes', () => {
  const file = path.join(temporaryFolder('tar'), 'folders.tar');
  writeFileSync(file, Buffer.concat([tarFolder('0', 10001, 10001), tarFolder('1', 0o7777777, 0), Buffer.alloc(1024)]));
  const lines = execFileSync('tar', ['--list', '--verbose', '--numeric-owner', '--file', file], { encoding: 'utf8' }).trim().split('\n');
  expect(lines.map((line) => line.split(/ +/)).map(([mode, owner, , , , name]) => [mode, owner, name])).toEqual([
    ['drwxr-xr-x', '10001/10001', '0/'],
    ['drwxr-xr-x', '2097151/0', '1/'],
  ]);
});

it('an id that its field cannot hold is refused', () => {
  expect(() => tarFolder('0', 0o10000000, 0)).toThrow(RangeError);
});
