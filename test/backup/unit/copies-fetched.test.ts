import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchCopy, OtherRepository } from '../../../src/backup/copies-service/fetch.ts';
import { type CopiesRemote, failed } from '../../support/backup/copies-remote.ts';
import { ascending, copiesRound, FULL, segment, WAL } from '../../support/backup/copies-round.ts';

let world: CopiesRemote;
let { send, want, putLabel, order } = {} as ReturnType<typeof copiesRound>;

beforeEach(() => {
  ({ world, send, want, putLabel, order } = copiesRound());
});
afterEach(() => world.destroy());

describe('what a copy holds is fetched', () => {
  const fetch = () => fetchCopy(world.copy, () => undefined);
  const empty = () => {
    rmSync(world.here(), { recursive: true });
    world.put(world.here('.keep'), '');
  };
  let all: Record<string, string>;

  beforeEach(async () => {
    putLabel(FULL);
    want('08', [FULL], ['a']);
    await send('sets');
    all = world.files(world.there());
    world.calls.length = 0;
  });

  it('into an empty repository, and the snapshots of all sets', async () => {
    empty();
    await fetch();
    expect(world.files(world.here())).toEqual({ ...all, '.keep': '', 'repository.id': 'own' });
    expect(
      ascending(
        order('--files-from-raw', 'restic copy --no-lock --quiet --tag set', 'restic copy --no-lock --quiet --tag catalogue latest'),
      ),
    ).toBe(true);
  });

  it('and nothing is in its place until all of it is here; the same again resumes', async () => {
    empty();
    world.answer = (call) => {
      if (!call.includes('--files-from-raw')) return undefined;
      world.put(world.here('fetch.part', segment('08')), 'half');
      return failed('ERROR : connection lost');
    };
    await expect(fetch()).rejects.toThrow('connection lost');
    expect(Object.keys(world.files(world.here()))).toEqual(['.keep', `fetch.part/${segment('08')}`, 'fetching']);
    // While it is half here, it is known of which copy.
    world.put(world.there('repository.id'), 'other\n');
    await expect(fetch()).rejects.toThrow(OtherRepository);
    world.put(world.there('repository.id'), 'own\n');
    world.answer = () => undefined;
    await fetch();
    expect(world.files(world.here())).toEqual({ ...all, '.keep': '', 'repository.id': 'own' });
  });

  it('and what is here is replaced by nothing shorter or older', async () => {
    world.put(world.there(segment('0A')), 'wal 0A');
    writeFileSync(world.there(segment('08')), 'wal');
    writeFileSync(world.there(`${WAL}/archive.info`), 'older');
    await fetch();
    expect(readFileSync(world.here(segment('08')), 'utf8')).toBe('wal 08');
    expect(readFileSync(world.here(`${WAL}/archive.info`), 'utf8')).toBe('list');
    expect(existsSync(world.here(segment('0A')))).toBe(true);
  });

  it.each([
    ['another repository', () => world.put(world.here('repository.id'), 'other\n')],
    [
      'one that was begun again',
      () => {
        for (const number of ['08', '09']) world.put(world.here(segment(number)), 'another length');
      },
    ],
  ])('and %s here is not changed', async (_, change) => {
    change();
    const before = world.files(world.here());
    await expect(fetch()).rejects.toThrow(OtherRepository);
    expect([world.files(world.here()), world.calls]).toEqual([before, []]);
  });

  it('and a place without a copy changes nothing', async () => {
    rmSync(world.there('repository.id'));
    const before = world.files(world.here());
    await expect(fetch()).rejects.toThrow('no copy of a repository is there');
    expect(world.files(world.here())).toEqual(before);
  });
});
