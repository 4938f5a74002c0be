import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ownersIn, tarFolder } from '../../../src/docker/new-volumes.ts';
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

it('the owner of each folder is read from an archive of tar itself, whatever lies between', () => {
  const folder = temporaryFolder('owners');
  const file = path.join(folder, 'folders.tar');
  mkdirSync(path.join(folder, 'volumes', '0'), { recursive: true });
  writeFileSync(path.join(folder, 'volumes', '0', 'data'), 'x'.repeat(1_000));
  mkdirSync(path.join(folder, 'volumes', '1'));
  const tar = (...args: string[]) => execFileSync('tar', ['--file', file, '--directory', folder, ...args]);
  tar('--create', '--format', 'posix', '--owner', '10001', '--group', '10002', '--no-recursion', 'volumes/0', 'volumes/0/data');
  tar('--append', '--format', 'posix', '--owner', '0', '--group', '0', 'volumes/1');
  const owners = ownersIn(readFileSync(file));
  expect([owners.get('volumes/0/'), owners.get('volumes/0/data'), owners.get('volumes/1/')]).toEqual(['10001:10002', '10001:10002', '0:0']);
});

it('an id that its field cannot hold is refused', () => {
  expect(() => tarFolder('0', 0o10000000, 0)).toThrow(RangeError);
});
