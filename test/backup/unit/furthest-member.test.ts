import { describe, expect, it } from 'vitest';
import { furthestMember } from '../../../src/backup/plan/furthest-member.ts';

/** As PostgreSQL 17 prints it, shortened to what is read and its neighbours. */
const said = (name: string, timeline: number, checkpoint: string, recovered = '0/0') =>
  [
    `member ${name}`,
    'pg_control version number:            1700',
    'Database cluster state:               shut down in recovery',
    `Latest checkpoint location:           ${checkpoint}`,
    `Latest checkpoint's REDO location:    ${checkpoint}`,
    `Latest checkpoint's TimeLineID:       ${timeline}`,
    `Latest checkpoint's PrevTimeLineID:   ${timeline}`,
    `Minimum recovery ending location:     ${recovered}`,
    `Min recovery ending loc's timeline:   ${recovered === '0/0' ? 0 : timeline}`,
    '',
  ].join('\n');

describe('which member is ahead', () => {
  it('compares positions as numbers, not as text', () => {
    expect(furthestMember(said('a', 1, '0/9000028') + said('b', 1, '0/10000028'))).toBe('b');
    expect(furthestMember(said('a', 1, 'F/0') + said('b', 1, '10/0'))).toBe('b');
  });
  it('puts a later timeline before a later position', () => {
    expect(furthestMember(said('a', 9, '0/9000000') + said('b', 10, '0/3000000'))).toBe('b');
  });
  it('counts what a standby has replayed past its last checkpoint', () => {
    expect(furthestMember(said('leader', 2, '0/5000000') + said('standby', 2, '0/4000000', '0/6000000'))).toBe('standby');
  });
  it('passes over a member without a database or with a control file that cannot be read', () => {
    expect(furthestMember(`member empty\n${said('b', 1, '0/1')}member torn\nunreadable\n`)).toBe('b');
    expect(furthestMember('member a\nmember b\n')).toBeUndefined();
    expect(furthestMember('')).toBeUndefined();
  });
  it('takes the first of equals', () => {
    expect(furthestMember(said('a', 1, '0/1') + said('b', 1, '0/1'))).toBe('a');
  });
});
