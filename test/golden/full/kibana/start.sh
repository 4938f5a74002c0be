# Written by medianest from templates/kibana/config/start.sh.hbs. An edit here is noticed, not kept:
# settings go into medianest.yml, anything else into compose.override.yml in the state folder.
#!/bin/bash
set -eu
bash /etc/medianest/current/import.sh &
exec /usr/local/bin/kibana-docker --config /etc/medianest/current/kibana.yml --config /run/secrets/kibana-settings
