import { describe, expect, it } from 'vitest';
import { asStarted, type FoundImage, imageChecks, imageFindings, movedPins, pinned } from '../../../src/images/plan/pins.ts';

const THEN = new Date('2026-11-01T00:00:00Z');
const image = (id: string, ...layers: string[]): FoundImage => ({ id: `sha256:${id}`, layers });
const EDGE = 'medianest/edge:0123456789ab';
const pins = pinned({}, { [EDGE]: image('a', 'l1', 'l2'), 'other:1': undefined }, THEN);
const runs = (id?: string) => [{ service: 'edge', ref: EDGE, imageId: id && `sha256:${id}` }];
const found = (now?: FoundImage, running?: string) => imageFindings(pins, runs(running), { [EDGE]: now })[0];

describe('images as `up` has started them', () => {
  it('are recorded with the time since when they are these', () => {
    expect(Object.keys(pins)).toEqual([EDGE]);
    const later = new Date('2026-11-02T00:00:00Z');
    expect(pinned(pins, { [EDGE]: image('a', 'l1', 'l2') }, later)).toEqual(pins);
    const other = pinned(pins, { [EDGE]: image('b', 'l1') }, later);
    expect(other[EDGE]?.at).toBe(later.toISOString());
    expect([movedPins(pins, other), movedPins(pins, pins), movedPins({}, pins)]).toEqual([[EDGE], [], []]);
  });
  it('are recorded as they were, where the name stands for another one and no container was started of it', () => {
    const moved = { [EDGE]: image('b', 'l1') };
    expect(asStarted(moved, runs('a'))).toEqual({});
    expect({ ...pins, ...pinned(pins, asStarted(moved, runs('a')), THEN) }).toEqual(pins);
    for (const running of ['b', undefined]) expect(asStarted(moved, runs(running))).toEqual(moved);
    expect(asStarted(moved, [{ service: 'other', ref: 'other:1', imageId: 'sha256:a' }])).toEqual(moved);
  });
  it.each([
    ['as they were', image('a', 'l1', 'l2'), 'a', 'ok'],
    ['a container of another one', image('a', 'l1', 'l2'), 'b', 'replaced'],
    ['a container of another one, and no name', undefined, 'b', 'replaced'],
    ['a name that was given to another one', image('b', 'l1', 'l2'), 'a', 'renamed'],
    ['other layers under the same number', image('a', 'l1', 'x'), 'a', 'damaged'],
    ['a name that was taken away', undefined, 'a', 'gone'],
    ['no container', image('a', 'l1', 'l2'), undefined, 'ok'],
  ])('are told: %s', (_what, now, running, status) => {
    expect(found(now, running)?.status).toBe(status);
  });
  it('are not known before they are recorded, and then nothing is said', () => {
    const unknown = imageFindings({}, runs('a'), { [EDGE]: image('a') });
    expect(unknown).toMatchObject([{ status: 'unknown', services: ['edge'] }]);
    expect(imageChecks(unknown)).toEqual([]);
  });
  it('fail `health` where another one runs, and warn where another one would', () => {
    const check = (now: FoundImage | undefined, running: string) => imageChecks(imageFindings(pins, runs(running), { [EDGE]: now }))[0];
    expect(check(image('a', 'l1', 'l2'), 'a')).toMatchObject({ id: 'images', status: 'ok' });
    expect(check(image('a', 'l1', 'l2'), 'b')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('edge: made of the image b'),
    });
    expect(check(image('b', 'l1', 'l2'), 'a')).toMatchObject({
      status: 'warn',
      message: expect.stringContaining('a new container would get it'),
    });
    expect(check(image('a', 'x'), 'a')).toMatchObject({ status: 'fail' });
  });
});
