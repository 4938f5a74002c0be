import { describe, expect, it } from 'vitest';
import { SCHEDULE, scheduleUnits } from '../../src/plan/schedule.ts';

describe('the schedule', () => {
  const units = scheduleUnits('home', ['/opt/media nest/bin/medianest'], '/srv/100%');
  const text = (name: string) => units.find((unit) => unit.name === name)?.contents ?? '';

  it('has a service and a timer for each, which waits for the one before and catches up what was missed', () => {
    expect(units).toHaveLength(SCHEDULE.length * 2);
    for (const { name } of SCHEDULE) {
      expect(text(`medianest-home-${name}.service`)).toContain('--wait-lock=3600');
      expect(text(`medianest-home-${name}.timer`)).toContain('Persistent=true');
    }
  });
  it('quotes what systemd would take apart', () => {
    expect(text('medianest-home-full.service')).toContain('ExecStart="/opt/media nest/bin/medianest" backup --type full');
    expect(text('medianest-home-full.service')).toContain('WorkingDirectory=/srv/100%%');
  });
});
