import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import path from 'node:path';
import { HOME } from './cli.ts';

interface Message {
  id?: number;
  method?: string;
  params?: unknown;
  result?: unknown;
}

/** A YAML language server as an editor runs it (LSP over stdio: a length, a blank line, JSON). */
export class LanguageServer {
  private readonly process: ChildProcessWithoutNullStreams;
  private readonly waiting: { fits: (message: Message) => boolean; resolve: (message: Message) => void }[] = [];
  private buffer = Buffer.alloc(0);
  private lastId = 0;

  constructor() {
    this.process = spawn(process.execPath, [path.join(HOME, 'node_modules/yaml-language-server/bin/yaml-language-server'), '--stdio']);
    this.process.stdout.on('data', (chunk: Buffer) => this.read(chunk));
  }

  private read(chunk: Buffer): void {
    this.buffer = Buffer.concat([this.buffer, chunk]);
    for (;;) {
      const end = this.buffer.indexOf('\r\n\r\n');
      const length = Number(/Content-Length: (\d+)/i.exec(this.buffer.subarray(0, Math.max(end, 0)).toString())?.[1] ?? Number.NaN);
      if (end < 0 || !(this.buffer.length >= end + 4 + length)) return;
      const message = JSON.parse(this.buffer.subarray(end + 4, end + 4 + length).toString()) as Message;
      this.buffer = this.buffer.subarray(end + 4 + length);
      // It asks for settings: the schema is named by the file itself.
      if (message.id !== undefined && message.method)
        this.send({ id: message.id, result: message.method === 'workspace/configuration' ? [{}, {}, {}, {}, {}] : null });
      const index = this.waiting.findIndex(({ fits }) => fits(message));
      if (index >= 0) this.waiting.splice(index, 1)[0]?.resolve(message);
    }
  }

  private send(message: object): void {
    const text = JSON.stringify({ jsonrpc: '2.0', ...message });
    this.process.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  private wait(fits: (message: Message) => boolean): Promise<Message> {
    return new Promise((resolve) => this.waiting.push({ fits, resolve }));
  }

  private async request(method: string, params: object): Promise<unknown> {
    const id = ++this.lastId;
    const answer = this.wait((message) => message.id === id && !message.method);
    this.send({ id, method, params });
    return (await answer).result;
  }

  async start(): Promise<void> {
    await this.request('initialize', { processId: process.pid, rootUri: null, capabilities: {} });
    this.send({ method: 'initialized', params: {} });
  }

  /** Opens a text; what is wrong with it. */
  async open(uri: string, text: string): Promise<string[]> {
    const told = this.wait(({ method, params }) => method === 'textDocument/publishDiagnostics' && (params as { uri: string }).uri === uri);
    this.send({ method: 'textDocument/didOpen', params: { textDocument: { uri, languageId: 'yaml', version: 1, text } } });
    return ((await told).params as { diagnostics: { message: string }[] }).diagnostics.map(({ message }) => message);
  }

  /** What is offered at a place. */
  async complete(uri: string, line: number, character: number): Promise<string[]> {
    const result = (await this.request('textDocument/completion', { textDocument: { uri }, position: { line, character } })) as {
      items: { label: string }[];
    };
    return result.items.map(({ label }) => label);
  }

  /** What is told about a word. */
  async hover(uri: string, line: number, character: number): Promise<string> {
    const result = (await this.request('textDocument/hover', { textDocument: { uri }, position: { line, character } })) as {
      contents: { value: string };
    } | null;
    return result?.contents.value ?? '';
  }

  stop(): void {
    this.process.kill();
  }
}
