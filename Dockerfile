# The gateway's image: built with the development tools, run without them, by an account of its own, on a root file
# system that may be read-only: only /var/lib/sallyport is written.
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
COPY tools/runtime tools/runtime
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build -- --also deploy

FROM node:24-slim AS dependencies
WORKDIR /build
COPY package.json package-lock.json ./
COPY tools/runtime tools/runtime
# Optional dependencies are the demo's PostgreSQL.
RUN npm ci --ignore-scripts --omit=dev --omit=optional

FROM node:24-slim
RUN groupadd --gid 10001 sallyport \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin sallyport \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/sallyport
WORKDIR /opt/sallyport
COPY --from=dependencies /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY package.json LICENSE README.md ./
COPY bin bin
COPY docs docs
COPY deploy/sallyport.yaml deploy/sallyport.yaml
ENV NODE_ENV=production
USER 10001:10001
VOLUME /var/lib/sallyport
EXPOSE 6432
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/opt/sallyport/bin/sallyport.js"]
CMD ["serve", "--config", "/etc/sallyport/sallyport.yaml"]
