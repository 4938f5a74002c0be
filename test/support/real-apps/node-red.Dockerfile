# Node-RED in the shape of its own image: data in /data, as user 1000. The context is what npm has installed, and Node.js.
FROM debian:trixie-slim
ARG LABEL
LABEL release=${LABEL}
COPY --chmod=0755 node /usr/local/bin/node
WORKDIR /usr/src/node-red
COPY node_modules node_modules/
USER 1000:1000
ENV NODE_ENV=production
EXPOSE 1880
CMD ["node", "node_modules/node-red/red.js", "--userDir", "/data"]
