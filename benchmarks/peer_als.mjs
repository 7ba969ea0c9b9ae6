// Runs a workload in the npm package aws-local-stepfunctions, in a process of its own.
//
//     node benchmarks/peer_als.mjs FOLDER WORKLOAD.json REPEAT
//
// FOLDER is where node_modules lies. Prints one JSON object: version, seconds of each run, output.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

// The package is written for Node 22; this is all of it that Node 20 lacks.
Promise.withResolvers ??= () => {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
};

const [folder, file, repeat] = process.argv.slice(2);
const root = path.resolve(folder);
const { StateMachine } = createRequire(path.join(root, 'any.js'))('aws-local-stepfunctions');
const manifest = path.join(root, 'node_modules', 'aws-local-stepfunctions', 'package.json');
const { version } = JSON.parse(fs.readFileSync(manifest));
const workload = JSON.parse(fs.readFileSync(file));

const tasks = (graph) => Object.entries(graph.States).flatMap(([name, state]) => [
  ...(state.Type === 'Task' ? [name] : []),
  ...(state.ItemProcessor ? tasks(state.ItemProcessor) : []),
]);
const handlers = Object.fromEntries(tasks(workload.definition).map((name) => [name, (event) => event]));
const machine = new StateMachine(workload.definition, { validationOptions: { checkArn: false } });

const seconds = [];
let output = null;
let error = null;
for (let round = 0; round < Number(repeat) && error === null; round += 1) {
  const input = structuredClone(workload.input);
  const started = performance.now();
  try {
    output = await machine.run(input, { overrides: { taskResourceLocalHandlers: handlers } }).result;
  } catch (problem) {
    error = `${problem.name} ${problem.message}`;
  }
  seconds.push((performance.now() - started) / 1000);
}
console.log(JSON.stringify({ version: `${version}, Node ${process.versions.node}`, seconds, output, error, cause: null, status: error === null ? 'SUCCEEDED' : 'FAILED' }));
