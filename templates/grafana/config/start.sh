#!/bin/bash
# The password in the secret file is the one that counts: Grafana itself takes it only into an empty database.
set -eu
if [ -s "$GF_PATHS_DATA/grafana.db" ]; then
  grafana cli --homepath /usr/share/grafana --config "$GF_PATHS_CONFIG" --configOverrides "cfg:default.paths.data=$GF_PATHS_DATA" \
    admin reset-admin-password --password-from-stdin </run/secrets/grafana-admin-password >/dev/null ||
    echo "the administrator's password could not be set: the one before stays" >&2
fi
exec /run.sh
