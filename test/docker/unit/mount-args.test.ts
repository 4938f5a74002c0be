import { describe, expect, it } from 'vitest';
import { bindArgs, mountArgs } from '../../../src/docker/mount-args.ts';

describe('the value of --mount', () => {
  it.each([
    ['/srv/a', 'type=bind,source=/srv/a,target=/x,readonly'],
    ['/srv/a b', 'type=bind,source=/srv/a b,target=/x,readonly'],
    ['/srv/a:b', 'type=bind,source=/srv/a:b,target=/x,readonly'],
    ['/srv/a,b', 'type=bind,"source=/srv/a,b",target=/x,readonly'],
    ['/srv/a"b', 'type=bind,"source=/srv/a""b",target=/x,readonly'],
    ['/srv/a\nb', 'type=bind,"source=/srv/a\nb",target=/x,readonly'],
  ])('of %j is %j', (folder, value) => {
    expect(bindArgs(folder, '/x', 'readonly')).toEqual(['--mount', value]);
  });
  it('has only what it was given', () => {
    expect(mountArgs(['type=volume', 'target=/x'])).toEqual(['--mount', 'type=volume,target=/x']);
    expect(bindArgs('/a', '/x')).toEqual(['--mount', 'type=bind,source=/a,target=/x']);
  });
});
