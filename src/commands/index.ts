import { audit } from './audit.ts';
import { backup, backupList, backupPrune, backupVerify } from './backup.ts';
import { cdnPurge } from './cdn.ts';
import type { Command } from './command.ts';
import { configShow, configValidate } from './config.ts';
import { deploy, releases, rollback } from './deploy.ts';
import { down } from './down.ts';
import { exec } from './exec.ts';
import { health } from './health.ts';
import { imagesBuild } from './images.ts';
import { backupImportKit, backupKit } from './kit.ts';
import { failover, switchover } from './leader.ts';
import { logs } from './logs.ts';
import { maintenanceOff, maintenanceOn } from './maintenance.ts';
import { plan } from './plan.ts';
import { profiles } from './profiles.ts';
import { render } from './render.ts';
import { restart } from './restart.ts';
import { drill, previewRemove, restore } from './restore.ts';
import { scale } from './scale.ts';
import { backupSchedule } from './schedule.ts';
import { secretsList, secretsRotate } from './secrets.ts';
import { status } from './status.ts';
import { up } from './up.ts';
import { update } from './update.ts';
import { wafAllow, wafLog } from './waf.ts';

/** Every command, in the order of `--help`. */
export const commands: readonly Command[] = [
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
  backupSchedule,
  backupKit,
  backupImportKit,
  restore,
  previewRemove,
  drill,
  maintenanceOn,
  maintenanceOff,
  cdnPurge,
  wafLog,
  wafAllow,
  down,
  render,
  profiles,
  configShow,
  configValidate,
  imagesBuild,
  secretsList,
  secretsRotate,
  audit,
];
