import { describe, expect, it } from 'vitest';
import { releaseTag } from '../../../src/deploy/plan/releases.ts';
import { PROJECT_NAME, projectName } from '../../../src/settings/project-name.ts';

/** A part of an image's name (distribution/reference, "path-component"). */
const IMAGE_PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;

describe('the name of a folder’s project', () => {
  it.each([
    ['medianest', 'medianest'],
    ['Films', 'films'],
    ['My Films (2024)', 'myfilms2024'],
    ['2024-01-02', '2024-01-02'],
    ['_-.hidden', 'hidden'],
    ['.config', 'config'],
    ['größe & co', 'greco'],
    ['映画', 'medianest'],
    ['', 'medianest'],
    ['---', 'medianest'],
    ['a', 'a'],
    ['a__b-c--d', 'a__b-c--d'],
    ['films-', 'films-'],
    // From here on Compose would take it as it is, and Docker would refuse the name of a release.
    ['a___b', 'a-b'],
    ['a_-b', 'a-b'],
    ['films_', 'films'],
    ['films-_', 'films-'],
    ['x'.repeat(80), 'x'.repeat(63)],
    [`${'x'.repeat(62)}__y`, 'x'.repeat(62)],
  ])('%j is %j', (folder, name) => {
    expect(projectName(folder)).toBe(name);
  });
  it.each([
    ['films', 'medianest/films-release:r1'],
    ['a__b-c--d', 'medianest/a__b-c--d-release:r1'],
    ['films-', 'medianest/films--release:r1'],
    ['films_', expect.stringMatching(/^medianest\/films--[0-9a-f]{12}-release:r1$/)],
    ['x-_-y', expect.stringMatching(/^medianest\/x-y-[0-9a-f]{12}-release:r1$/)],
  ])('a project %j has releases that are called %s', (project, tag) => {
    expect(releaseTag(project, 'r1')).toEqual(tag);
  });
  it('may be any that a setting may give: Docker takes its releases, and no two projects share theirs', () => {
    const seen = new Set<string>();
    const names = ['a', '0', '_', '-'];
    for (let seed = 0; seed < 4 ** 6; seed++) {
      const project = `b${[...seed.toString(4).padStart(6, '0')].map((digit) => names[Number(digit)]).join('')}`;
      const image = releaseTag(project, 'r1').split(':')[0]?.split('/')[1] ?? '';
      expect([project, PROJECT_NAME.test(project), IMAGE_PATH.test(image), seen.has(image)]).toEqual([project, true, true, false]);
      seen.add(image);
    }
  });
  it('is always one that medianest and Docker take', () => {
    const alphabet = ['a', 'Z', '0', '_', '-', '.', ' ', 'ä', 'İ', '\n'];
    for (let seed = 0; seed < 10 ** 4; seed++) {
      const folder = [...String(seed).padStart(4, '0')].map((digit) => alphabet[Number(digit)]).join('');
      const name = projectName(folder);
      const image = releaseTag(name, 'r1').split(':')[0]?.split('/')[1] ?? '';
      expect([folder, PROJECT_NAME.test(name), IMAGE_PATH.test(image)]).toEqual([folder, true, true]);
    }
  });
});
