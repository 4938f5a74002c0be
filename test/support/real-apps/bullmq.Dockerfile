# A portal of several processes. The context is what npm has installed, Node.js and the program.
FROM debian:trixie-slim
ARG LABEL
LABEL release=${LABEL}
ENV NODE_ENV=production RELEASE=${LABEL}
COPY --chmod=0755 node /usr/local/bin/node
WORKDIR /app
COPY node_modules node_modules/
COPY --chmod=0644 app.cjs ./
USER 1000:1000
CMD ["node", "app.cjs", "frontend"]
