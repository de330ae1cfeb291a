import { clearLine, createInterface, cursorTo, type Interface } from "node:readline";

/** Lines out and lines in. On a terminal, what arrives is printed above the line that is being typed. */
export class Screen {
  readonly #lines: Interface;
  readonly #terminal: boolean;
  readonly #typed: AsyncIterator<string>;

  constructor(
    input: NodeJS.ReadStream,
    private readonly output: NodeJS.WriteStream,
  ) {
    this.#terminal = input.isTTY === true && output.isTTY === true;
    this.#lines = createInterface({ input, output, terminal: this.#terminal, prompt: "> " });
    // Taken at once: a line that is there before anybody asks for it would be lost.
    this.#typed = this.#lines[Symbol.asyncIterator]();
    if (this.#terminal) this.#lines.on("SIGINT", () => this.close());
  }

  print(text: string): void {
    if (!this.#terminal) {
      this.output.write(`${text}\n`);
      return;
    }
    cursorTo(this.output, 0);
    clearLine(this.output, 0);
    this.output.write(`${text}\n`);
    this.#lines.prompt(true);
  }

  /** What stands before the line to type. */
  prompt(text: string): void {
    this.#lines.setPrompt(`${text}> `);
    if (this.#terminal) this.#lines.prompt(true);
  }

  /** What is typed, line by line, until the end of the input or `close`. */
  async *typed(): AsyncGenerator<string> {
    for (;;) {
      const { done, value } = await this.#typed.next();
      if (done) return;
      yield value;
      if (this.#terminal) this.#lines.prompt();
    }
  }

  close(): void {
    this.#lines.close();
  }
}
