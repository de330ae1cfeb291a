// The part of kustomize that deploy/k8s uses. Whatever else a kustomization asks for is an error, so that what is checked
// here is what a cluster gets.
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parseAllDocuments } from "yaml";
import { root } from "../bootstrap.mjs";

const fields = {
  kustomization: ["apiVersion", "kind", "namespace", "resources", "patches", "configMapGenerator", "images"],
  patch: ["path", "target"],
  target: ["kind", "name"],
  generator: ["name", "behavior", "literals"],
  image: ["name", "newName", "newTag"],
};

const refuseUnknown = (what, value, where) => {
  const unknown = Object.keys(value).filter((key) => !fields[what].includes(key));
  if (unknown.length > 0) throw new Error(`${where}: ${what} has ${unknown.join(", ")}, which this check does not know`);
};

/** All documents of a YAML file; a key that comes twice is an error. */
export const readYaml = (path) =>
  parseAllDocuments(readFileSync(path, "utf8"), { uniqueKeys: true, strict: true, merge: true }).map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem) throw new Error(`${relative(root, path)}: ${problem.message}`);
    return document.toJS();
  });

/** By which field the entries of a list are the same entry, as the API's schema has it; other lists are replaced. */
const mergeKeys = { containers: "name", env: "name", ports: "containerPort", volumeMounts: "mountPath", volumes: "name" };

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

const mergeLists = (base, patch, key) => {
  const left = [...base];
  for (const entry of patch) {
    const at = left.findIndex((other) => other[key] === entry[key]);
    if (at < 0) left.push(entry);
    else left[at] = merge(left[at], entry);
  }
  return left;
};

const merge = (base, patch) => {
  if (!isObject(base) || !isObject(patch)) return patch;
  const merged = { ...base };
  for (const [field, value] of Object.entries(patch)) {
    const key = mergeKeys[field];
    if (value === null) delete merged[field];
    else if (key && Array.isArray(value) && Array.isArray(merged[field])) merged[field] = mergeLists(merged[field], value, key);
    else merged[field] = merge(merged[field], value);
  }
  return merged;
};

const applyPatch = (resources, folder, patch, where) => {
  refuseUnknown("patch", patch, where);
  if (patch.target) refuseUnknown("target", patch.target, where);
  let result = resources;
  for (const document of readYaml(join(folder, patch.path))) {
    const { kind, name } = patch.target ?? { kind: document.kind, name: document.metadata.name };
    const aimed = (resource) => resource.kind === kind && (name === undefined || resource.metadata.name === name);
    if (!result.some(aimed)) throw new Error(`${where}: ${patch.path} patches ${kind} ${name ?? ""}, and there is none`);
    // A patch that is aimed by its target keeps the name of what it hits.
    result = result.map((resource) =>
      aimed(resource) ? merge(resource, { ...document, metadata: { ...document.metadata, name: resource.metadata.name } }) : resource,
    );
  }
  return result;
};

const generateConfigMap = (resources, generator, where) => {
  refuseUnknown("generator", generator, where);
  const data = Object.fromEntries(
    generator.literals.map((literal) => [literal.slice(0, literal.indexOf("=")), literal.slice(literal.indexOf("=") + 1)]),
  );
  if (Object.keys(data).length !== generator.literals.length) throw new Error(`${where}: ${generator.name} has a key twice`);
  const existing = resources.find(({ kind, metadata }) => kind === "ConfigMap" && metadata.name === generator.name);
  if ((generator.behavior === "merge") !== Boolean(existing)) {
    throw new Error(`${where}: ${generator.name} ${existing ? "exists already" : "does not exist"}`);
  }
  if (!existing) return [...resources, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: generator.name }, data }];
  return resources.map((resource) => (resource === existing ? { ...resource, data: { ...resource.data, ...data } } : resource));
};

const withImages = (resource, images) => {
  const containers = resource.spec?.template?.spec?.containers;
  if (!containers) return resource;
  const renamed = containers.map((container) => {
    const image = images.find(({ name }) => name === container.image);
    return image ? { ...container, image: `${image.newName ?? image.name}:${image.newTag}` } : container;
  });
  return merge(resource, { spec: { template: { spec: { containers: renamed } } } });
};

/** The resources that a folder with a kustomization.yaml stands for. @throws Error naming file and reason */
export const render = (folder) => {
  const path = join(folder, "kustomization.yaml");
  const where = relative(root, path);
  const [kustomization] = readYaml(path);
  refuseUnknown("kustomization", kustomization, where);
  let resources = kustomization.resources.flatMap((name) => {
    const target = join(folder, name);
    if (!existsSync(target)) throw new Error(`${where}: ${name} does not exist`);
    return statSync(target).isDirectory() ? render(target) : readYaml(target);
  });
  for (const generator of kustomization.configMapGenerator ?? []) resources = generateConfigMap(resources, generator, where);
  for (const patch of kustomization.patches ?? []) resources = applyPatch(resources, dirname(path), patch, where);
  for (const image of kustomization.images ?? []) refuseUnknown("image", image, where);
  resources = resources.map((resource) => withImages(resource, kustomization.images ?? []));
  const { namespace } = kustomization;
  if (!namespace) return resources;
  return resources.map((resource) => (resource.kind === "Namespace" ? resource : merge(resource, { metadata: { namespace } })));
};
