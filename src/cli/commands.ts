import { backup, backupList, backupPrune, backupVerify } from '../backup/commands/backup.ts';
import { backupKeys } from '../backup/commands/backup-keys.ts';
import { backupCopies, backupFetch } from '../backup/commands/copies.ts';
import { backupExport, backupImport } from '../backup/commands/export.ts';
import { backupKit } from '../backup/commands/kit.ts';
import { drill, previewRemove, restore } from '../backup/commands/restore.ts';
import type { Command } from '../capability/command.ts';
import { certsIssue, certsRenew, certsRevoke, certsStatus } from '../certificates/commands/certs.ts';
import { certsCa, certsCsr, certsImport } from '../certificates/commands/certs-import.ts';
import { certsTest } from '../certificates/commands/certs-test.ts';
import { deploy, releases, rollback } from '../deploy/commands/deploy.ts';
import { scale } from '../deploy/commands/scale.ts';
import { doctor } from '../doctor/commands/doctor.ts';
import { cdnPurge } from '../edge/commands/cdn.ts';
import { maintenanceOff, maintenanceOn } from '../edge/commands/maintenance.ts';
import { audit } from '../health/commands/audit.ts';
import { health } from '../health/commands/health.ts';
import { status } from '../health/commands/status.ts';
import { imagesBuild } from '../images/commands/images.ts';
import { imagesLoad, imagesLock, imagesOutdated, imagesPrune, imagesSave } from '../images/commands/images-more.ts';
import { update } from '../images/commands/update.ts';
import { configSchema, configShow, configValidate } from '../init/commands/config.ts';
import { configMigrate } from '../init/commands/config-migrate.ts';
import { init } from '../init/commands/init.ts';
import { profiles } from '../init/commands/profiles.ts';
import { failover, switchover } from '../members/commands/leader.ts';
import { down } from '../reconcile/commands/down.ts';
import { exec } from '../reconcile/commands/exec.ts';
import { logs } from '../reconcile/commands/logs.ts';
import { plan } from '../reconcile/commands/plan.ts';
import { render } from '../reconcile/commands/render.ts';
import { restart } from '../reconcile/commands/restart.ts';
import { up } from '../reconcile/commands/up.ts';
import { backupSchedule, certsSchedule } from '../schedule/commands/schedule.ts';
import { secretsList, secretsRotate } from '../secrets/commands/secrets.ts';
import { topology } from '../topology/commands/topology.ts';
import { wafAllow, wafLog } from '../waf/commands/waf.ts';
import { completion } from './completion.ts';
import { version } from './version.ts';

/** Every command, in the order of `--help`. */
export const commands: readonly Command[] = [
  init,
  up,
  plan,
  status,
  health,
  logs,
  exec,
  restart,
  deploy,
  rollback,
  releases,
  scale,
  switchover,
  failover,
  update,
  backup,
  backupList,
  backupVerify,
  backupPrune,
  backupCopies,
  backupFetch,
  backupSchedule,
  backupKit,
  backupKeys,
  backupExport,
  backupImport,
  restore,
  previewRemove,
  drill,
  maintenanceOn,
  maintenanceOff,
  cdnPurge,
  certsStatus,
  certsRenew,
  certsIssue,
  certsImport,
  certsCsr,
  certsCa,
  certsRevoke,
  certsTest,
  certsSchedule,
  wafLog,
  wafAllow,
  down,
  doctor,
  topology,
  render,
  profiles,
  configShow,
  configValidate,
  configSchema,
  configMigrate,
  imagesBuild,
  imagesSave,
  imagesLoad,
  imagesLock,
  imagesOutdated,
  imagesPrune,
  secretsList,
  secretsRotate,
  audit,
  completion,
  version,
];
