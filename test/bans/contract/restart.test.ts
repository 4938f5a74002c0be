import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker } from '../../support/cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { PREFIX } from '../../support/workspace.ts';
import { answers, startCrowdsec } from './engine.ts';

const NAME = `${PREFIX}-bans-restart`;
const ASK_AS_EDGE = `exec 3<>"/dev/tcp/127.0.0.1/8080"
printf 'GET /v1/decisions/stream?startup=%s HTTP/1.0\\r\\nHost: x\\r\\nX-Api-Key: %s\\r\\n\\r\\n' "$0" "$(</run/secrets/bans-key)" >&3
cat <&3`;

describe('a CrowdSec that is started again', { timeout: 60_000 }, () => {
  const inside = async (...argv: string[]) => {
    const ended = await docker(['exec', NAME, ...argv]);
    expect(ended, ended.stderr).toMatchObject({ status: 0 });
    return ended.stdout;
  };
  const firewall = (which: 'all' | 'new') => inside('decisions', which);
  const edge = (all: boolean) => inside('bash', '-c', ASK_AS_EDGE, String(all));

  beforeAll(async () => {
    await docker(['rm', '--force', '--volumes', NAME]);
    await startCrowdsec(NAME, ['bans-restart', 'profile: dev-compose\ncomponents: { crowdsec: true }\n'], temporaryFolder('bans-restart'));
    await answers(NAME);
  }, 90_000);
  afterAll(() => docker(['rm', '--force', '--volumes', NAME]));

  it('tells edge and firewall of the ban that it has made since they asked last', async () => {
    await firewall('all');
    await edge(true);
    await inside('cscli', 'decisions', 'add', '--ip', '198.18.7.7', '--duration', '2h');
    await docker(['restart', '--time', '5', NAME]);
    await answers(NAME);
    expect(await firewall('new')).toContain('"value":"198.18.7.7"');
    expect(await edge(false)).toContain('"value":"198.18.7.7"');
    // Once.
    expect(await firewall('new')).not.toContain('198.18.7.7');
    expect(await edge(false)).not.toContain('198.18.7.7');
  });
});
