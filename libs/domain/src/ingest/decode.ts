import { queue, SCHEMA_VERSION } from "@dunlin/proto";
import type { CommandBody } from "./rule.js";
import { ruleOf } from "./rules.js";

/** A command that is well formed: version known, body there, its ids of the right kind and consistent. */
export interface ValidCommand extends queue.Command {
  body: CommandBody;
}

/**
 * Reads a record of the topic `commands`.
 * @returns the command, or the reason why the record can never be applied.
 */
export const decodeCommand = (key: string | null, value: Uint8Array | null): ValidCommand | string => {
  if (value === null || value.byteLength === 0) return "no value";
  if (key === null) return "no key";
  let command: queue.Command;
  try {
    command = queue.Command.decode(value);
  } catch {
    return "not a command";
  }
  if (command.version !== SCHEMA_VERSION) return `unknown schema version ${command.version}`;
  if (!command.body) return "unknown command";
  const rule = ruleOf(command.body);
  const problem = rule.problem(command.body.value);
  if (problem !== undefined) return problem;
  if (rule.conversation(command.body.value) !== key) return "key is not the conversation";
  return command as ValidCommand;
};
