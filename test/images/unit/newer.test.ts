import { describe, expect, it } from 'vitest';
import { compareVersions } from '../../../src/images/plan/debian-version.ts';
import { allSources, newerPackages, parseOffers, suiteOf } from '../../../src/images/plan/newer.ts';
import { parseContents } from '../../../src/images/store/plan/image-contents.ts';

/** Each is older than the one after it: examples of deb-version(7) and of Debian's own packages. */
const ASCENDING = [
  '0~~',
  '0~',
  '0',
  '0.9',
  '1.0~rc1-1',
  '1.0-1',
  '1.0-1+b2',
  '1.0-1+deb13u1',
  '1.0a-1',
  '1.0+git9-1',
  '1.0+git10-1',
  '1:0.1-1',
];

describe('versions of Debian packages', () => {
  it.each(ASCENDING.slice(1).map((newer, at) => [ASCENDING[at] as string, newer]))('%s is older than %s', (older, newer) => {
    expect(compareVersions(older, newer)).toBeLessThan(0);
    expect(compareVersions(newer, older)).toBeGreaterThan(0);
  });
  it.each([
    ['1.0', '1.0-0'],
    ['0:1.0-1', '1.0-1'],
    ['1.00-1', '1.0-1'],
  ])('%s and %s are the same', (a, b) => expect(compareVersions(a, b)).toBe(0));
  it('compares numbers of any length', () => expect(compareVersions('20261129123456789012345', '20261129123456789012346')).toBeLessThan(0));
});

const CONTENTS = `#medianest-file packages
ii |libssl3t64|3.5.1-1|amd64
ii |openssl|3.5.1-1|amd64
ii |restic|0.19.0-1|amd64
ii |tzdata|2026a-0+deb13u1|all
rc |gone|1.0|all
#medianest-file /etc/os-release
PRETTY_NAME="Debian GNU/Linux 13 (trixie)"
VERSION_ID="13"
VERSION_CODENAME=trixie
ID=debian

#medianest-file /etc/apt/sources.list
deb http://deb.debian.org/debian trixie main

#medianest-file /etc/apt/sources.list.d/forky.sources
Types: deb
Suites: forky

`;
const OFFERS = parseOffers(`architecture amd64
offer trixie libssl3t64 3.5.1-1 amd64
offer trixie-security libssl3t64 3.5.4-1~deb13u2 amd64
offer trixie openssl 3.5.1-1 amd64
offer trixie-security openssl 3.5.4-1~deb13u2 amd64
offer forky openssl 4.0-1 amd64
offer trixie restic 0.18.0-1 amd64
offer forky restic 0.19.1-1 amd64
offer trixie tzdata 2026a-0+deb13u1 all
offer forky tzdata 2026c-1 all
`);

describe('what is newer than what an image has', () => {
  const contents = parseContents(CONTENTS);
  it('counts what is installed, not what has left its configuration', () => {
    expect(Object.keys(contents.packages)).toEqual(['libssl3t64', 'openssl', 'restic', 'tzdata']);
    expect(contents.system).toEqual({ id: 'debian', version: '13', codename: 'trixie' });
  });
  it('is of its own release, and of another one only for what came from there', () => {
    expect(newerPackages(contents, OFFERS)).toEqual([
      { name: 'libssl3t64', from: '3.5.1-1', to: '3.5.4-1~deb13u2' },
      { name: 'openssl', from: '3.5.1-1', to: '3.5.4-1~deb13u2' },
      { name: 'restic', from: '0.19.0-1', to: '0.19.1-1' },
    ]);
  });
  it('leaves another release alone that the image has no source for', () => {
    const { '/etc/apt/sources.list': list = '' } = contents.sources;
    const without = { ...contents, sources: { '/etc/apt/sources.list': list } };
    expect(newerPackages(without, OFFERS).map(({ name }) => name)).toEqual(['libssl3t64', 'openssl']);
  });
  it('is nothing where the image has no Debian, or the mirror no such package', () => {
    expect(newerPackages(parseContents(''), OFFERS)).toEqual([]);
    expect(newerPackages(contents, { architecture: 'amd64', packages: {} })).toEqual([]);
  });
  it('tells the suite of a version, its own release first', () => {
    expect(suiteOf('openssl', '3.5.4-1~deb13u2', 'trixie', OFFERS)).toBe('trixie-security');
    expect(suiteOf('restic', '0.19.1-1', 'trixie', OFFERS)).toBe('forky');
    expect(suiteOf('openssl', '3.0', 'trixie', OFFERS)).toBeUndefined();
  });
  it('asks for the sources of all images, each once', () => {
    expect(allSources([contents, contents])).toEqual([
      { kind: 'list', text: 'deb http://deb.debian.org/debian trixie main' },
      { kind: 'sources', text: 'Types: deb\nSuites: forky' },
    ]);
  });
});
