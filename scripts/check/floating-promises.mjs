// Biome's rule does not know the types of Node's own modules, so promises of node:fs and the like would slip through.
// This asks the compiler itself: a statement whose value is thenable must be awaited, returned, handled or marked `void`.
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript-js";
import { filesBelow, packages, root } from "../bootstrap.mjs";

const compilerOptions = () => {
  const path = join(root, "tsconfig.base.json");
  const { options } = ts.convertCompilerOptionsFromJson(ts.readConfigFile(path, ts.sys.readFile).config.compilerOptions, root);
  return { ...options, composite: false, incremental: false, noEmit: true };
};

const handled = (call) => {
  if (!ts.isCallExpression(call) || !ts.isPropertyAccessExpression(call.expression)) return false;
  const method = call.expression.name.text;
  if (method === "finally") return handled(call.expression.expression);
  return (method === "catch" && call.arguments.length > 0) || (method === "then" && call.arguments.length > 1);
};

/** @returns one line for each floating promise */
export const floatingPromises = () => {
  const files = packages()
    .flatMap((pkg) => filesBelow(join(root, pkg, "src")))
    .filter((path) => /\.tsx?$/.test(path) && existsSync(path));
  const program = ts.createProgram(files, compilerOptions());
  const checker = program.getTypeChecker();
  const thenable = (type) =>
    type.isUnion() ? type.types.some(thenable) : !(type.flags & ts.TypeFlags.Any) && checker.getPropertyOfType(type, "then") !== undefined;
  const problems = [];
  for (const file of files) {
    const source = program.getSourceFile(file);
    const visit = (node) => {
      if (ts.isExpressionStatement(node)) {
        const expression = ts.skipParentheses(node.expression);
        // What is awaited or assigned is waited for; asking for its type would be most of the work.
        const waitedFor = ts.isAwaitExpression(expression) || ts.isVoidExpression(expression) || ts.isBinaryExpression(expression);
        if (!waitedFor && !handled(expression) && thenable(checker.getTypeAtLocation(expression))) {
          const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
          problems.push(`${relative(root, file)}:${line + 1}: a promise that nobody waits for: ${expression.getText(source).slice(0, 80)}`);
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return problems;
};
