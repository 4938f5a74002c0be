import { describe, expect, it } from 'vitest';
import { backOff, bulkBody, bulkOutcome, bulkPath, onRefusal, StoreAway, waitingOf } from '../../../src/agent/logs/plan/bulk.ts';

const waiting = (index: number, text = `{"id":"${index}"}`) => ({ id: String(index).padStart(27, '0'), text });
const documents = [waiting(0), waiting(1), waiting(2, 'the longest of the three documents'), waiting(3)];
const answer = (...statuses: number[]) => ({
  status: 200,
  body: JSON.stringify({ items: statuses.map((status) => ({ create: { status } })) }),
});

describe('the answer to _bulk', () => {
  it('is judged item by item', () => {
    const { stored, again, refused } = bulkOutcome('elasticsearch', answer(201, 409, 429, 400), documents);
    expect([stored, again, refused.map(({ document }) => document)]).toEqual([2, [documents[2]], [documents[3]]]);
    expect(bulkOutcome('elasticsearch', answer(503, 500, 201, 413), documents)).toMatchObject({
      stored: 1,
      again: [documents[0], documents[1]],
    });
  });

  it('says nothing about documents where it is no such answer: they wait', () => {
    for (const found of [
      answer(201),
      { status: 200, body: '<html>' },
      { status: 200, body: '{}' },
      { status: 502, body: 'Bad Gateway' },
      { status: 403, body: '{}' },
    ])
      expect(() => bulkOutcome('elasticsearch', found, documents)).toThrow(StoreAway);
    expect(() => bulkOutcome('victorialogs', { status: 200, body: '' }, documents)).toThrow(StoreAway);
  });

  it('of VictoriaLogs has fewer items where a line was too long for it: they are counted, and not sent for ever', () => {
    const { stored, again, refused } = bulkOutcome('victorialogs', answer(201, 201, 201), documents);
    expect([stored, again, refused.map(({ document }) => document)]).toEqual([3, [], [documents[2]]]);
  });
});

it('a request has an action and a document for each line; VictoriaLogs is told the fields', () => {
  const text = `{"@timestamp":"t","id":"${'a'.repeat(27)}","message":"m"}`;
  expect(bulkBody([waitingOf(text) as NonNullable<ReturnType<typeof waitingOf>>])).toBe(
    `{"create":{"_id":"${'a'.repeat(27)}"}}\n${text}\n`,
  );
  expect(waitingOf('{"no":"id"}')).toBeUndefined();
  expect(bulkPath('elasticsearch', 'home')).toBe('/logs-medianest-home/_bulk');
  expect(bulkPath('victorialogs', 'home')).toContain('_time_field=@timestamp&_msg_field=message');
});

it('a refused request is halved, given up or waited for; attempts come later and later, up to 30 s', () => {
  expect([onRefusal(413, 2), onRefusal(400, 1), onRefusal(401, 5), onRefusal(503, 1)]).toEqual(['halve', 'refuse', 'wait', 'wait']);
  expect([1, 2, 3, 6, 1_000].map(backOff)).toEqual([1_000, 2_000, 4_000, 30_000, 30_000]);
});
