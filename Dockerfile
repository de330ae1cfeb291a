# One image for all five services; the argument says which: services/{api,broker,cron,pn,sys}/dist/main.js, or
# libs/suite/dist/main.js for all of them in one process.
FROM node:22-slim AS build
WORKDIR /src
COPY . .
RUN node scripts/run.mjs build && node scripts/image.mjs /out

FROM node:22-slim
ENV NODE_ENV=production IM_HOST=0.0.0.0 IM_DATA_DIR=/data
WORKDIR /app
RUN mkdir /data && chown node:node /data
COPY --from=build /out .
# A number, so that Kubernetes can tell that it is not root.
USER 1000:1000
VOLUME /data
EXPOSE 8080 8081 8082 8090
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.IM_METRICS_PORT || 8090}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node"]
CMD ["libs/suite/dist/main.js"]
