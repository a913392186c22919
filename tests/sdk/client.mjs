// The official Node client against the Steady at BASE_URL; prints one JSON object of what it got.
// usage: node client.mjs FOLDER_WITH_NODE_MODULES BASE_URL
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [folder, baseURL] = process.argv.slice(2);
const OpenAI = createRequire(join(folder, 'index.js'))('openai').default;
const client = new OpenAI({ baseURL, apiKey: 'k', maxRetries: 0 });
const ask = (model, content, more = {}) =>
  client.chat.completions.create({ model, messages: [{ role: 'user', content }], ...more });
const schema = {
  type: 'object',
  properties: { city: { type: 'string' }, people: { type: 'integer' } },
  required: ['city', 'people'],
  additionalProperties: false,
};
const response_format = { type: 'json_schema', json_schema: { name: 'place', strict: true, schema } };
const got = {};

const whole = await ask('ruled', 'whole');
got.whole = { text: whole.choices[0].message.content, policy: whole.steady.policy, tokens: whole.usage.total_tokens };

const { response } = await ask('voting', 'whole').withResponse();
got.headers = { agreement: response.headers.get('x-steady-agreement'), policy: response.headers.get('x-steady-policy') };

for (const model of ['up/m', 'ruled', 'voting']) {
  const stream = await ask(model, 'whole', { stream: true, stream_options: { include_usage: true } });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  got[`stream ${model}`] = {
    text: chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? '').join(''),
    finish: chunks.map((chunk) => chunk.choices[0]?.finish_reason).filter(Boolean),
    tokens: chunks.at(-1).usage.total_tokens,
  };
}

const helper = client.chat.completions.stream({ model: 'ruled', messages: [{ role: 'user', content: 'whole' }] });
const deltas = [];
helper.on('content', (delta) => deltas.push(delta));
got.helper = { final: await helper.finalContent(), deltas: deltas.join('') };

const parsed = await client.chat.completions.parse({
  model: 'ruled',
  messages: [{ role: 'user', content: 'place' }],
  response_format: { ...response_format, $parseRaw: (text) => JSON.parse(text), $brand: 'auto-parseable-response-format' },
});
got.parsed = parsed.choices[0].message.parsed;

const refused = await client.chat.completions.parse({
  model: 'polite',
  messages: [{ role: 'user', content: 'lava place' }],
  response_format,
});
got.refused = {
  refusal: refused.choices[0].message.refusal,
  content: refused.choices[0].message.content,
  finish: refused.choices[0].finish_reason,
};

const tool = { type: 'function', function: { name: 'look_up', parameters: schema } };
const called = await ask('ruled', 'tool', { tools: [tool], tool_choice: { type: 'function', function: { name: 'look_up' } } });
got.tool = called.choices[0].message.tool_calls[0].function;

const failing = {
  upstream: () => ask('ruled', 'fail'),
  streamed: () => ask('ruled', 'fail', { stream: true }),
  field: () => ask('ruled', 'whole', { temperature: -1 }),
  unknown: () => ask('x', 'whole', { steady: { policy: 'ruledd' } }),
  rule: () => ask('strict', 'lava'),
  key: () => new OpenAI({ baseURL, apiKey: 'wr0ng', maxRetries: 0 }).models.list(),
};
for (const [name, call] of Object.entries(failing)) {
  try {
    await call();
    got[name] = 'no error';
  } catch (error) {
    got[name] = { kind: error.constructor.name, status: error.status, code: error.code, message: error.message };
    if (error.param) got[name].param = error.param;
    if (error.headers?.get('retry-after')) got[name].after = error.headers.get('retry-after');
  }
}

got.models = (await client.models.list()).data.map((model) => model.id);
console.log(JSON.stringify(got));
