// The reference: what somebody writes by hand for a proxy with TLS, keep-alive to the application, and its static files.
export const NGINX = '/etc/plain/nginx.conf';

/** What Debian's recommended configuration and the README of its OWASP CRS say, blocking, without looking at answers. */
export const MODSECURITY = `
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 131072
SecPcreMatchLimit 100000
SecPcreMatchLimitRecursion 100000
SecResponseBodyAccess Off
SecTmpDir /tmp
SecDataDir /tmp
SecUnicodeMapFile /etc/nginx/unicode.mapping 20127
SecAuditEngine RelevantOnly
SecAuditLogRelevantStatus "^(?:5|4(?!04))"
SecAuditLogParts ABIJDEFHZ
SecAuditLogFormat JSON
SecAuditLogType Serial
SecAuditLog /dev/stdout
Include /etc/modsecurity/crs/crs-setup.conf
Include /usr/share/modsecurity-crs/rules/*.conf
`;

export const plainNginx = ({ upstreams, modsecurity }) => `
${modsecurity ? 'load_module /usr/lib/nginx/modules/ngx_http_modsecurity_module.so;' : ''}
worker_processes 2;
pid /run/nginx.pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
  include /etc/nginx/mime.types;
  access_log /dev/stdout combined buffer=4k flush=1s;
  sendfile on;
  tcp_nopush on;
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  keepalive_timeout 65s;
  upstream app {
${upstreams.map((upstream) => `    server ${upstream};`).join('\n')}
    keepalive 64;
  }
  server {
    listen 8443 ssl;
    http2 on;
    ssl_certificate /run/pair/fullchain.pem;
    ssl_certificate_key /run/pair/privkey.pem;
${modsecurity ? '    modsecurity on;\n    modsecurity_rules_file /etc/plain/modsecurity.conf;' : ''}
    location / {
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_ssl_server_name on;
      proxy_ssl_name app;
      proxy_pass https://app;
    }
    location ~ \\.(css|js|svg)$ {
      root /srv/files;
      add_header Cache-Control "public, max-age=31536000, immutable";
    }
  }
}
`;
