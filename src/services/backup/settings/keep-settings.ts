import * as z from 'zod';

/** How many of each kind stay; the newest of each hour, day and so on. */
export const keepSettings = z
  .strictObject({
    last: z.int().min(1, 'should be at least 1').max(1000).default(3).describe('The newest sets, however close together'),
    hourly: z.int().min(0).max(1000).default(24).describe('Hours of which the newest set stays'),
    daily: z.int().min(0).max(1000).default(7).describe('Days of which the newest set stays'),
    weekly: z.int().min(0).max(1000).default(5).describe('Weeks of which the newest set stays'),
    monthly: z.int().min(0).max(1000).default(12).describe('Months of which the newest set stays'),
    yearly: z.int().min(0).max(1000).default(3).describe('Years of which the newest set stays'),
  })
  .prefault({})
  .describe('Which sets `backup prune` keeps here');
