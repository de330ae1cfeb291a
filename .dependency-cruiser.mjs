// Imports point one way: proto ← runtime ← engines ← domain ← services ← suite.
const layers = ["^libs/proto/", "^libs/runtime/", "^libs/engines/", "^libs/domain/", "^services/", "^libs/suite/"];
const above = layers.slice(0, -1).map((layer, i) => ({
  name: `direction-${i}`,
  comment: `${layer} must not import what stands above it.`,
  severity: "error",
  from: { path: layer },
  to: { path: [...layers.slice(i + 1), "^(apps|tests|bench|scripts)/"] },
}));

export default {
  forbidden: [
    ...above,
    {
      name: "suite-is-the-top",
      severity: "error",
      from: { path: "^libs/suite/" },
      to: { path: "^(apps|tests|bench|scripts)/" },
    },
    {
      name: "services-are-strangers",
      comment: "A service talks to another over its interface, never by import.",
      severity: "error",
      from: { path: "^services/([^/]+)/" },
      to: { path: "^services/", pathNot: "^services/$1/" },
    },
    {
      name: "client-stands-alone",
      comment: "The SDK has no runtime dependency: it must run in a browser.",
      severity: "error",
      from: { path: "^libs/client/", pathNot: "\\.test\\.ts$|/fixture-server\\.ts$" },
      to: { pathNot: "^libs/client/" },
    },
    {
      name: "nobody-below-uses-the-client",
      severity: "error",
      from: { path: ["^libs/(?!client/)", "^services/"] },
      to: { path: "^libs/client/" },
    },
    {
      name: "apps-speak-the-public-contract",
      severity: "error",
      from: { path: "^apps/([^/]+)/" },
      to: { path: "^(libs|services|tests|bench)/", pathNot: "^libs/client/" },
    },
    {
      name: "drivers-stay-in-engines",
      severity: "error",
      from: { pathNot: "^libs/engines/" },
      to: { path: "node_modules/(kafkajs|ioredis|mysql2|etcd3|@photostructure/sqlite|@aws-sdk|sharp)/" },
    },
    {
      name: "tests-are-not-imported",
      severity: "error",
      from: { pathNot: "\\.test\\.ts$" },
      to: { path: "\\.test\\.ts$" },
    },
    {
      name: "no-cycles",
      severity: "error",
      from: { pathNot: "^libs/proto/src/gen/" },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "declared",
      comment: "A package may use only what its own package.json names.",
      severity: "error",
      from: { pathNot: "\\.test\\.ts$|/contract\\.ts$" },
      // The test runner is the workspace's.
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"], pathNot: "/node_modules/vitest/" },
    },
  ],
  options: {
    doNotFollow: { path: ["node_modules", "/dist/"] },
    exclude: { path: "/dist/.*\\.test\\." },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "require", "node", "default", "types"] },
  },
};
