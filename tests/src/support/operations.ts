import { routes } from "@dunlin/api";

const patterns = routes.map((route) => ({
  route,
  pattern: new RegExp(`^${route.path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
  literal: !route.path.includes("{"),
}));

/** The operation that a request means; undefined when it is none. */
export const operationOf = (method: string, path: string): (typeof routes)[number] | undefined => {
  const [bare = ""] = path.split("?");
  const found = patterns.filter(({ route, pattern }) => route.method === method.toLowerCase() && pattern.test(bare));
  return (found.find(({ literal }) => literal) ?? found[0])?.route;
};
