import { audit } from './audit.ts';
import { backup, backupList, backupPrune, backupVerify } from './backup.ts';
import { backupKeys } from './backup-keys.ts';
import { cdnPurge } from './cdn.ts';
import { certsIssue, certsRenew, certsRevoke, certsStatus } from './certs.ts';
import { certsCa, certsCsr, certsImport } from './certs-import.ts';
import { certsTest } from './certs-test.ts';
import type { Command } from './command.ts';
import { completion } from './completion.ts';
import { configSchema, configShow, configValidate } from './config.ts';
import { configMigrate } from './config-migrate.ts';
import { backupCopies, backupFetch } from './copies.ts';
import { deploy, releases, rollback } from './deploy.ts';
import { doctor } from './doctor.ts';
import { down } from './down.ts';
import { exec } from './exec.ts';
import { backupExport, backupImport } from './export.ts';
import { health } from './health.ts';
import { imagesBuild } from './images.ts';
import { imagesLoad, imagesLock, imagesOutdated, imagesPrune, imagesSave } from './images-more.ts';
import { init } from './init.ts';
import { backupKit } from './kit.ts';
import { failover, switchover } from './leader.ts';
import { logs } from './logs.ts';
import { maintenanceOff, maintenanceOn } from './maintenance.ts';
import { plan } from './plan.ts';
import { profiles } from './profiles.ts';
import { render } from './render.ts';
import { restart } from './restart.ts';
import { drill, previewRemove, restore } from './restore.ts';
import { scale } from './scale.ts';
import { backupSchedule, certsSchedule } from './schedule.ts';
import { secretsList, secretsRotate } from './secrets.ts';
import { status } from './status.ts';
import { topology } from './topology.ts';
import { up } from './up.ts';
import { update } from './update.ts';
import { version } from './version.ts';
import { wafAllow, wafLog } from './waf.ts';

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
