// Parses the AsyncAPI documents named on the command line with the official parser, and prints one
// JSON array: of each its version, its messages and operations, and what the parser has to say.
import { readFile } from 'node:fs/promises';
import { Parser } from '@asyncapi/parser';

const found = [];
for (const file of process.argv.slice(2)) {
  const text = await readFile(file, 'utf8');
  const { document, diagnostics } = await new Parser().parse(text, { source: file });
  found.push({
    version: document?.version() ?? null,
    messages: document?.allMessages().all().map((message) => ({
      id: message.id(),
      schemaFormat: message.schemaFormat(),
      headers: Object.keys(message.headers()?.json()?.properties ?? {}),
      correlation: message.correlationId()?.location() ?? null,
    })) ?? [],
    operations: document?.allOperations().all().map((operation) => ({
      id: operation.id(),
      action: operation.action(),
      messages: operation.messages().all().map((message) => message.id()),
    })) ?? [],
    diagnostics: diagnostics.map(({ severity, message, path }) => `${severity} ${path.join('/')}: ${message}`),
  });
}
console.log(JSON.stringify(found));
