// @ts-check

/** The query of every list: pages are told apart by the last item seen, so that new items shift nothing. */
export const paging = {
  type: 'object',
  additionalProperties: false,
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
    before: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, default: Number.MAX_SAFE_INTEGER },
  },
};

/**
 * @template T
 * @param {T[]} rows one more than the page holds, when there is a next page
 * @param {number} limit
 * @param {(row: T) => number} position
 */
export function page(rows, limit, position) {
  const items = rows.slice(0, limit);
  return { items, nextBefore: rows.length > limit ? position(items[limit - 1]) : null };
}
