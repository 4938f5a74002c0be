# Directus in the shape of its own image: /directus/cli.js, as user 1000. The context is what npm has installed, and Node.js.
FROM debian:trixie-slim
ARG LABEL
LABEL release=${LABEL}
COPY --chmod=0755 node /usr/local/bin/node
WORKDIR /directus
COPY node_modules node_modules/
COPY --chmod=0644 package.json ./
RUN ln -s node_modules/directus/cli.js cli.js
USER 1000:1000
ENV NODE_ENV=production
EXPOSE 8055
CMD ["node", "cli.js", "start"]
