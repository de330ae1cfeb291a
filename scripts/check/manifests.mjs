// The manifests of deploy/k8s as a cluster would get them: known fields with values of the right type only, and every
// name that one resource uses exists in another.
import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript-js";
import { root } from "../bootstrap.mjs";
import { knownSettings } from "./house-rules.mjs";
import { readYaml, render } from "./kustomize.mjs";

const overlays = join(root, "deploy", "k8s", "overlays");
/** Made by hand or by a secrets operator, never kept here. */
const secrets = ["dunlin-secrets"];

/**
 * Each resource becomes an object literal of its Kubernetes type: the compiler then refuses unknown fields, missing ones
 * and values of a wrong type.
 */
const typeErrors = (resources) => {
  const moduleOf = ({ apiVersion }) => {
    const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["core", apiVersion];
    return `kubernetes-types/${group.replace(/\.k8s\.io$/, "")}/${version}`;
  };
  const source = resources
    .map(
      (resource, i) =>
        `import type { ${resource.kind} as T${i} } from "${moduleOf(resource)}";\nexport const r${i}: T${i} = ${JSON.stringify(resource, null, 2)};`,
    )
    .join("\n");
  const name = join(root, "manifests.virtual.ts");
  const options = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (path) => path === name || fileExists(path);
  host.getSourceFile = (path, ...rest) =>
    path === name ? ts.createSourceFile(path, source, ts.ScriptTarget.ES2022) : getSourceFile(path, ...rest);
  const program = ts.createProgram([name], options, host);
  const file = program.getSourceFile(name);
  return [...program.getSemanticDiagnostics(file), ...program.getSyntacticDiagnostics(file)].map((problem) => {
    const before = source.slice(0, problem.start);
    const resource = resources[(before.match(/^export const r\d+/gm) ?? [""]).length - 1];
    const line = source.split("\n")[before.split("\n").length - 1].trim();
    const reason = ts.flattenDiagnosticMessageText(problem.messageText, " ").replace(/\s+/g, " ");
    return `${resource?.kind} ${resource?.metadata?.name}: at ${line}: ${reason}`;
  });
};

const within = (selector, labels) => Object.entries(selector ?? {}).every(([key, value]) => labels?.[key] === value);

const workloadErrors = (workload, { named, settings }) => {
  const problems = [];
  const { selector, template } = workload.spec;
  const pod = template.spec;
  if (!within(selector.matchLabels, template.metadata?.labels)) problems.push("its selector does not match its own pods");
  if (pod.enableServiceLinks !== false) problems.push("enableServiceLinks is not false");
  if (pod.securityContext?.runAsNonRoot !== true) problems.push("it may run as root");
  const drain = Number(named("ConfigMap", "dunlin-settings")?.data.IM_DRAIN_S ?? 30);
  if (!(pod.terminationGracePeriodSeconds > drain)) problems.push(`terminationGracePeriodSeconds is not above IM_DRAIN_S (${drain})`);
  const volumes = new Set(pod.volumes?.map(({ name }) => name));
  for (const container of pod.containers) {
    const ports = (container.ports ?? []).map(({ name }) => name);
    if (new Set(ports).size !== ports.length) problems.push("two ports have one name");
    for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"]) {
      if (!ports.includes(container[probe]?.httpGet?.port)) problems.push(`${probe} does not ask a port that it has`);
    }
    if (container.securityContext?.readOnlyRootFilesystem !== true) problems.push("its root file system can be written");
    if (!container.resources?.requests || !container.resources?.limits?.memory)
      problems.push("it has no resource requests or no memory limit");
    if (!container.image?.includes(":")) problems.push("its image has no tag");
    const [program] = container.args ?? [];
    const main = program?.replace("/dist/", "/src/").replace(/\.js$/, ".ts");
    if (!main || !existsSync(join(root, main))) problems.push(`its program ${program} does not exist`);
    for (const { name } of container.volumeMounts ?? []) if (!volumes.has(name)) problems.push(`there is no volume ${name}`);
    for (const { name } of container.env ?? []) if (!settings.has(name)) problems.push(`no setting is called ${name}`);
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      if (configMapRef && !named("ConfigMap", configMapRef.name)) problems.push(`there is no ConfigMap ${configMapRef.name}`);
      if (secretRef && !secrets.includes(secretRef.name)) problems.push(`there is no Secret ${secretRef.name}`);
    }
  }
  return problems;
};

const referenceErrors = (resources) => {
  const problems = [];
  const settings = knownSettings();
  const named = (kind, name) => resources.find((resource) => resource.kind === kind && resource.metadata.name === name);
  const workloads = resources.filter(({ kind }) => kind === "Deployment" || kind === "StatefulSet");
  const selected = (selector) => workloads.filter(({ spec }) => within(selector, spec.template.metadata?.labels));
  const portsOf = (found) => found.flatMap(({ spec }) => spec.template.spec.containers.flatMap(({ ports }) => ports ?? []));
  const seen = new Set();
  for (const resource of resources) {
    const { kind, metadata, spec } = resource;
    const complain = (reason) => problems.push(`${kind} ${metadata.name}: ${reason}`);
    const id = `${kind} ${metadata.name}`;
    if (seen.has(id)) complain("is there twice");
    seen.add(id);
    const complainOfPorts = (found, ports) => {
      for (const port of ports) {
        if (!portsOf(found).some(({ name, containerPort }) => name === port || containerPort === port))
          complain(`no selected pod has the port ${port}`);
      }
    };
    if (kind === "Deployment" || kind === "StatefulSet")
      for (const reason of workloadErrors(resource, { named, settings })) complain(reason);
    if (kind === "ConfigMap") for (const key of Object.keys(resource.data)) if (!settings.has(key)) complain(`no setting is called ${key}`);
    if (kind === "HorizontalPodAutoscaler" && !named(spec.scaleTargetRef.kind, spec.scaleTargetRef.name))
      complain("what it scales does not exist");
    if (kind === "PodDisruptionBudget" && selected(spec.selector.matchLabels).length !== 1) complain("it does not select one workload");
    if (kind === "Service") {
      if (selected(spec.selector).length === 0) complain("it selects no pods");
      complainOfPorts(
        selected(spec.selector),
        spec.ports.map(({ targetPort, port }) => targetPort ?? port),
      );
    }
    if (kind === "NetworkPolicy") {
      if (selected(spec.podSelector.matchLabels).length === 0) complain("it selects no pods");
      complainOfPorts(
        selected(spec.podSelector.matchLabels),
        spec.ingress.flatMap(({ ports }) => ports.map(({ port }) => port)),
      );
    }
  }
  return problems;
};

/** Compose: the settings it gives are settings, and the programs it starts exist. */
const composeErrors = () => {
  const [compose] = readYaml(join(root, "docker-compose.yml"));
  const settings = knownSettings();
  return Object.entries(compose.services).flatMap(([name, { environment = {}, command, build }]) => {
    const problems = Object.keys(environment)
      .filter((key) => key.startsWith("IM_") && !settings.has(key))
      .map((key) => `no setting is called ${key}`);
    const [program] = build ? (command ?? []) : [];
    if (program && !existsSync(join(root, program.replace("/dist/", "/src/").replace(/\.js$/, ".ts"))))
      problems.push(`its program ${program} does not exist`);
    return problems.map((problem) => `docker-compose.yml: ${name}: ${problem}`);
  });
};

/** @returns one line for each mistake */
export const wrongManifests = () => {
  const problems = readdirSync(overlays).flatMap((name) => {
    const folder = join(overlays, name);
    try {
      const resources = render(folder);
      return [...typeErrors(resources), ...referenceErrors(resources)].map((problem) => `${relative(root, folder)}: ${problem}`);
    } catch (error) {
      return [error.message];
    }
  });
  return [...new Set([...problems, ...composeErrors()])];
};
