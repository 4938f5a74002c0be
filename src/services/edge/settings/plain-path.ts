import * as z from 'zod';

/** A path, or the start of one: part of a configuration, so nothing but path characters. */
export const plainPath = z.string().regex(/^\/[\w.~/@+-]*$/, 'should be a path such as /api/session');
