# Written by medianest from templates/elasticsearch/config/start.sh.hbs. An edit here is noticed, not kept:
# settings go into medianest.yml, anything else into compose.override.yml in the state folder.
#!/bin/bash
# Elasticsearch writes into its configuration: it gets a copy in memory, and its users are made from the secret files each time.
set -eu
umask 077
export ES_PATH_CONF=/run/elasticsearch
mkdir -p "$ES_PATH_CONF"
cp -R /usr/share/elasticsearch/config/. "$ES_PATH_CONF/"
cp /etc/medianest/current/elasticsearch.yml /etc/medianest/current/roles.yml "$ES_PATH_CONF/"
mkdir -p "$ES_PATH_CONF/jvm.options.d"
cp /etc/medianest/current/medianest.options "$ES_PATH_CONF/jvm.options.d/"
user() { # NAME ROLES SECRET: the password goes by a pipe, and is seen in no list of processes
  local password
  password=$(cat "/run/secrets/$3")
  printf '%s\n%s\n' "$password" "$password" | /usr/share/elasticsearch/bin/elasticsearch-users useradd "$1" -r "$2" >/dev/null
}
user admin kibana_admin,medianest-read elasticsearch-admin-password
user kibana-server kibana_system elasticsearch-kibana-server-password
user grafana medianest-read elasticsearch-grafana-password
user logs medianest-write elasticsearch-logs-password
exec /usr/local/bin/docker-entrypoint.sh eswrapper
