import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EdgeBench, edgeBench } from '../support/edge.ts';

let edge: EdgeBench;
beforeAll(async () => {
  edge = await edgeBench('edge');
});
afterAll(() => edge.destroy());

describe('the edge', () => {
  it('passes a request on, and tells the application who asked', async () => {
    const { status, body } = await edge.ask('/echo');
    console.log(body.toString());
    expect(status).toBe(200);
  });
});
